package job_test

import (
	"reflect"
	"strings"
	"testing"

	"kodoferry/shared/job"
)

func TestAnAlertNamesAVariableAndNeverTheSecret(t *testing.T) {
	const secret = "0cc175b9c0f1b6a831c399e269772661"
	_, err := job.ParseFile([]byte(`jobs:
  a:
    source: kodo://photos/?region=z0
    target: oss://photos-new/?region=cn-hangzhou
    alerts:
      - url: https://oapi.dingtalk.com/robot/send?access_token=`+secret+`
        kind: dingtalk
      - to: https://open.feishu.cn/open-apis/bot/v2/hook/`+secret+`
        kind: feishu
        sign: SEC`+secret+`
      - to: QINIU_SECRET_KEY
        kind: json
      - {kind: pager, to: FERRY_ALERT_OPS}
      - {kind: wecom, sign: FERRY_ALERT_SIGN, to: FERRY_ALERT_OPS}
      - {kind: wecom, too: FERRY_ALERT_OPS}
`), "ferry.yaml")
	wrong(t, err,
		"ferry.yaml:6: alerts[0].url: a webhook's URL holds a secret", "export FERRY_ALERT_OPS=", "write to: FERRY_ALERT_OPS",
		"ferry.yaml:8: alerts[1].to names no variable", "ferry.yaml:10: alerts[1].sign names no variable",
		"ferry.yaml:11: alerts[2].to names no variable", "begins with FERRY_ALERT_",
		`ferry.yaml:13: alerts[3].kind is "pager": write one of dingtalk, feishu, wecom, slack, mail, json`,
		"ferry.yaml:14: alerts[4].sign does not go with wecom",
		`ferry.yaml:15: unknown field "too" (did you mean to?)`)
	if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "alerts[0].to is missing") {
		t.Errorf("the error repeats the secret, or tells one mistake twice: %v", err)
	}
}

func TestAlertsAreReadAloneOrInAList(t *testing.T) {
	for name, text := range map[string]string{
		"alone":                 "alerts: {to: FERRY_ALERT_OPS, kind: dingtalk, sign: FERRY_ALERT_SIGN}",
		"in a list":             "alerts: [{to: FERRY_ALERT_OPS, kind: dingtalk, sign: FERRY_ALERT_SIGN}]",
		"as a shell writes one": "alerts: [{to: '${FERRY_ALERT_OPS}', kind: dingtalk, sign: '${FERRY_ALERT_SIGN}'}]",
	} {
		t.Run(name, func(t *testing.T) {
			jobs, err := job.ParseFile([]byte("jobs:\n  a:\n    source: kodo://photos/?region=z0\n    target: oss://photos-new/?region=cn-hangzhou\n    "+text+"\n"), "ferry.yaml")
			if err != nil {
				t.Fatal(err)
			}
			want := []job.Alert{{To: "FERRY_ALERT_OPS", Kind: job.DingTalk, Sign: "FERRY_ALERT_SIGN"}}
			data, err := job.Encode(jobs[0])
			if err != nil {
				t.Fatal(err)
			}
			if kept, err := job.Decode(data); err != nil || !reflect.DeepEqual(jobs[0].Alerts, want) || !reflect.DeepEqual(kept.Alerts, want) {
				t.Errorf("alerts %+v, kept as %+v (%v), want %+v", jobs[0].Alerts, kept.Alerts, err, want)
			}
		})
	}
}
