// Package kodo is a strict stand-in for Qiniu Kodo that speaks its wire
// protocol: management, listing, the three ways to upload, region queries,
// downloads, and its S3-compatible interface for reading and restoring, with every signature
// checked. It serves Ferry's tests as well as
// clients written against the real service. Start with Start, fill buckets
// with CreateBucket, Put and Synthesize, and make it misbehave through Desk.
//
// A bucket whose event rules ask for it posts a notification of every object that
// is put, copied, moved, deleted, enabled, disabled or restored, by a request or by this process.
//
// What it answers follows Qiniu's documentation and the sources of its Go SDK
// (github.com/qiniu/go-sdk/v7); where both are silent, the comment beside the
// code says so. Objects live in memory.
//
// Operations, as Desk counts them, rules name them and OnRequest tells them:
//
//	list       GET, POST /list and /v2/list
//	stat       /stat/<entry>[/needparts/true]
//	batch      POST /batch; the operations inside are not counted apart
//	delete     /delete/<entry>
//	copy       /copy/<entry>/<entry>[/force/true]
//	move       /move/<entry>/<entry>[/force/true]
//	chgm       /chgm/<entry>[/mime/<m>][/x-qn-meta-<k>/<v>…][/cond/<c>]
//	chtype     /chtype/<entry>/type/<n>
//	chstatus   /chstatus/<entry>/status/<n>
//	restore    /restoreAr/<entry>/freezeAfterDays/<n>
//	lifecycle  /deleteAfterDays/<entry>/<n> and /lifecycle/<entry>/…
//	upload     POST / (form) and POST /putb64/…
//	block      POST /mkblk/… and /bput/…
//	mkfile     POST /mkfile/…
//	init       POST /buckets/<b>/objects/<o>/uploads
//	part       PUT /buckets/<b>/objects/<o>/uploads/<id>/<n>
//	parts      GET /buckets/<b>/objects/<o>/uploads/<id>
//	complete   POST /buckets/<b>/objects/<o>/uploads/<id>
//	abort      DELETE /buckets/<b>/objects/<o>/uploads/<id>
//	get, head  downloads
//	query      /v2/query and /v4/query
//	domains    /v2/domains, /v3/domains, /v6/domain/list and /domains
//	bucket     /buckets, /v2/bucketInfo(s), /mkbucketv3, /drop, /private, /regions, and settings read
//	events     /events/add, /events/update, /events/delete and /events/get
//	stats      /v6/space…, /v6/count…: bytes and objects by class and day
//	fetch      POST /fetch/<URL>/to/<entry>, at a download host as well
//	unknown    anything else
//	s3-list    ListObjects and ListObjectsV2 at the S3 interface
//	s3-get     GetObject
//	s3-restore RestoreObject
//	s3-head    HeadObject
//	s3-bucket  ListBuckets, HeadBucket, GetBucketLocation
//	s3-unknown anything else there
package kodo
