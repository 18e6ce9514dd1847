package fc

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// maxEnv bounds the bytes of all variables a user may configure, on both platforms.
const maxEnv = 4 << 10

var envName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// lambdaOwn are the variables that Lambda does not let its users set, besides those of its prefixes.
var lambdaOwn = []string{
	"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_EXECUTION_ENV", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

// checkEnv refuses what the platforms' pages on environment variables refuse.
func (f *Function) checkEnv() error {
	size := 0
	for _, k := range slices.Sorted(maps.Keys(f.Env)) {
		size += len(k) + len(f.Env[k])
		switch {
		case !envName.MatchString(k):
			return fmt.Errorf("variable %q: a name is letters, digits and _, and begins with a letter", k)
		case strings.ContainsRune(f.Env[k], 0):
			return fmt.Errorf("variable %q: its value holds a NUL byte, which no environment can", k)
		case f.Platform != Lambda && strings.HasPrefix(k, "FC_"),
			f.Platform == Lambda && (strings.HasPrefix(k, "AWS_LAMBDA_") || slices.Contains(lambdaOwn, k)):
			return fmt.Errorf("variable %q: the platform keeps this name for itself, choose another", k)
		}
	}
	if size > maxEnv {
		return fmt.Errorf("variables of %d bytes together: both platforms take up to %d", size, maxEnv)
	}
	return nil
}

// environ is the whole environment of an instance: what its platform
// documents and what its SDK reads, then what the user configured.
func (f *Function) environ(id, dir, api string) []string {
	var keys Credentials
	if f.Credentials != nil {
		keys = f.Credentials()
	}
	code := filepath.Dir(f.Binary)
	env := map[string]string{
		"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": dir, "TMPDIR": dir, "TZ": "UTC", "LANG": "en_US.UTF-8",
	}
	own := map[string]string{
		"FC_RUNTIME_API": api, "FC_FUNC_CODE_PATH": code, "FC_FUNCTION_NAME": f.Name, "FC_FUNCTION_HANDLER": filepath.Base(f.Binary),
		"FC_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.Memory), "FC_REGION": f.Region, "FC_ACCOUNT_ID": f.Account,
		"FC_INSTANCE_ID": id, "FC_VER_ID": "LATEST", "FC_FUNCTION_VERSION": "LATEST",
		"ALIBABA_CLOUD_ACCESS_KEY_ID": keys.AccessKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": keys.AccessKeySecret, "ALIBABA_CLOUD_SECURITY_TOKEN": keys.SecurityToken,
	}
	if f.Platform == Custom { // it has no runtime API; a server is where its arguments say
		delete(own, "FC_RUNTIME_API")
		own["FC_SERVER_PORT"] = customPort
	}
	if f.Platform == Lambda {
		own = map[string]string{
			"AWS_LAMBDA_RUNTIME_API": api, "LAMBDA_TASK_ROOT": code, "LAMBDA_RUNTIME_DIR": code, "_HANDLER": filepath.Base(f.Binary),
			"AWS_LAMBDA_FUNCTION_NAME": f.Name, "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": strconv.Itoa(f.Memory),
			"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand", "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + f.Name, "AWS_LAMBDA_LOG_STREAM_NAME": id,
			"AWS_REGION": f.Region, "AWS_DEFAULT_REGION": f.Region,
			"AWS_ACCESS_KEY_ID": keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY": keys.AccessKeySecret, "AWS_SESSION_TOKEN": keys.SecurityToken,
		}
	}
	maps.Copy(env, own)
	maps.Copy(env, f.Env)
	all := make([]string, 0, len(env))
	for k, v := range env {
		all = append(all, k+"="+v)
	}
	slices.Sort(all)
	return all
}
