package rights

// deed is what a role does at one kind of place.
type deed struct {
	place   place
	actions []string
}

// place is a kind of resource; its name is told by Places.resource.
type place string

const (
	targetBucket place = "target bucket"
	targetKeys   place = "target keys"
	ledgerBucket place = "ledger bucket"
	ledgerKeys   place = "ledger keys"
	ledgerJobs   place = "ledger jobs"  // never allowed: denied to every function
	ledgerProof  place = "ledger proof" // never allowed: denied to whoever does not verify

	listQueue   place = "list"
	copyQueue   place = "copy"
	verifyQueue place = "verify"
	deleteQueue place = "delete"
	deadQueue   place = "dead"

	logStore place = "log store"
)

// The actions, by OSS's page "RAM policy" and the pages of MNS's operations.
// HEAD and the parts of an upload have no actions of their own: they are
// GetObject and PutObject.
var (
	lists    = []string{"oss:ListObjects"}
	reads    = []string{"oss:GetObject"}
	writes   = []string{"oss:PutObject"}
	stores   = []string{"oss:GetObject", "oss:PutObject"}
	finds    = []string{"oss:ListMultipartUploads"} // for uploads whose beginning was not answered
	aborts   = []string{"oss:AbortMultipartUpload"}
	removes  = []string{"oss:DeleteObject"}
	parts    = []string{"oss:ListParts"}
	versions = []string{"oss:GetBucketVersioning"}
	asks     = []string{"oss:GetBucketVersioning", "oss:GetBucketWorm"}
	records  = []string{"oss:PutObject", "oss:PutObjectTagging"} // marks carry a tag that lifecycle rules know

	sends  = []string{"mns:SendMessage", "mns:BatchSendMessage"}
	counts = []string{"mns:GetQueueAttributes"}
	// The table of MNS's rights names that of BatchReceiveMessage mns:ReceiveMessage,
	// the page of the operation mns:BatchReceiveMessage: both are granted.
	receives = []string{"mns:ReceiveMessage", "mns:BatchReceiveMessage", "mns:DeleteMessage", "mns:ChangeMessageVisibility"}
)

// table is what each role does.
var table = map[Role][]deed{
	// It does what an Operator does, too: a check by ferry init comes before the first copy.
	Here: {
		{targetBucket, both(both(lists, asks), finds)},
		{targetKeys, both(both(stores, removes), both(aborts, parts))},
		{ledgerBucket, both(lists, asks)},
		{ledgerKeys, both(both(both(reads, records), removes), aborts)},
	},
	// A plan looks at what the target holds; a check asks for what may not be
	// changed, and tries its rights on a probe in the ledger; clean aborts what is
	// left of uploads, and removes what a run left in the ledger. A start says first
	// that it is about to be, by a record with a tag.
	Operator: {
		{targetBucket, both(lists, asks)}, {targetKeys, both(reads, both(aborts, parts))},
		{ledgerBucket, both(lists, asks)}, {ledgerKeys, both(both(both(reads, records), removes), aborts)},
		{listQueue, both(sends, counts)}, {copyQueue, both(sends, counts)}, {verifyQueue, both(sends, counts)}, {deleteQueue, both(sends, counts)}, {deadQueue, counts},
	},
	// On a timer it begins runs, for which it asks whether the target keeps versions.
	List:   stage(deed{targetBucket, lists}, deed{targetBucket, versions}, deed{targetKeys, reads}),
	Copy:   stage(copies...),
	Verify: stage(deed{targetBucket, lists}, deed{targetKeys, both(reads, aborts)}, deed{deadQueue, sends}, deed{listQueue, counts}, deed{copyQueue, counts}, deed{verifyQueue, counts}, deed{deleteQueue, counts}),
	Delete: stage(deed{targetBucket, lists}, deed{targetKeys, both(reads, removes)}),
	// It begins the run of a day's events, and leaves no marks.
	Notify: {
		{ledgerBucket, lists}, {ledgerKeys, stores},
		{copyQueue, sends},
	},
	// It plans, too, for which it looks at what the target holds.
	Console: {
		{targetBucket, lists}, {targetKeys, reads},
		{ledgerBucket, lists}, {ledgerKeys, reads},
	},
	// It looks whether there is something to do before it begins.
	Pull: append(stage(copies...), deed{copyQueue, both(receives, counts)}),
}

// copies is what copying takes, wherever it is done. It lists no objects, but
// whether OSS tells that an object is missing to one who may not list is not told.
var copies = []deed{{targetBucket, both(lists, finds)}, {targetKeys, both(stores, aborts)}}

// stage adds what doing tasks of any stage takes: the run's records, and queues
// for what follows, for the task itself once more, and for one that came astray.
func stage(own ...deed) []deed {
	return append(own[:len(own):len(own)],
		deed{ledgerBucket, lists}, deed{ledgerKeys, both(reads, records)},
		deed{listQueue, sends}, deed{copyQueue, sends}, deed{verifyQueue, sends}, deed{deleteQueue, sends})
}

func both(a, b []string) []string { return append(a[:len(a):len(a)], b...) }
