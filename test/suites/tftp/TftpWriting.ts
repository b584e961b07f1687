/** The replies of a server to clients that write, and the file `f` afterwards: `old`, or its length in bytes. */

/** A conversation: the file afterwards, the test's title, and the lines in the notation of `TftpTranscript.open`. */
export type Case = readonly [result: "old" | number, title: string, ...lines: ReadonlyArray<string>]

/** The conversations; each runs with its own server, which has a file `f`. */
export const cases: ReadonlyArray<Case> = [
  [0, "accepts an empty file", "a> WRQ f octet", "a< ACK 0", "a> DATA 1 0", "a< ACK 1", "a-"],
  [3, "accepts a file shorter than a block", "a> WRQ f octet", "a< ACK 0", "a> DATA 1 3", "a< ACK 1", "a-"],
  [
    512,
    "waits for an empty block after a whole block",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1", "a> DATA 2 0", "a< ACK 2", "a-"]
  ],
  [
    3,
    "sends ACK 0 without an OACK for unknown options",
    "a> WRQ f octet multicast= x=1",
    "a< ACK 0",
    "a> DATA 1 3",
    "a< ACK 1"
  ],
  [
    9,
    "confirms tsize, and omits unknown options",
    ...["a> WRQ f octet TSIZE=9 x=1 blksize=8", "a< OACK TSIZE=9 blksize=8"],
    ...["a> DATA 1 8", "a< ACK 1", "a> DATA 2 1", "a< ACK 2"]
  ],
  [
    "old",
    "sends ERROR 0 for fewer bytes than tsize",
    ...["a> WRQ f octet tsize=9", "a< OACK tsize=9", "a> DATA 1 8", "a< ERROR 0", "a-"]
  ],
  [
    "old",
    "sends ERROR 0 for more bytes than tsize",
    ...["a> WRQ f octet tsize=9", "a< OACK tsize=9", "a> DATA 1 512", "a< ACK 1", "a> DATA 2 1", "a< ERROR 0"]
  ],
  [
    "old",
    "sends ERROR 3 for a tsize above the quota, before any data",
    "a> WRQ f octet tsize=999999",
    "a< ERROR 3",
    "a-"
  ],
  [
    33,
    "acknowledges a window of four once",
    ...["a> WRQ f octet windowsize=4 blksize=8", "a< OACK windowsize=4 blksize=8"],
    ...["a> DATA 1 8", "a> DATA 2 8", "a> DATA 3 8", "a-", "a> DATA 4 8", "a< ACK 4", "a> DATA 5 1", "a< ACK 5", "a-"]
  ],
  [
    33,
    "sends one NAK when the first block of a window is lost",
    ...["a> WRQ f octet windowsize=4 blksize=8", "a< OACK windowsize=4 blksize=8", "a> DATA 1 8", "a> DATA 2 8"],
    ...["a> DATA 3 8", "a> DATA 4 8", "a< ACK 4", "a> DATA 6 8", "a> DATA 7 8", "a> DATA 8 8", "a< ACK 4", "a-"],
    ...["a> DATA 5 1", "a< ACK 5", "a-"]
  ],
  [
    33,
    "sends one NAK when a block in the middle of a window is lost",
    ...["a> WRQ f octet windowsize=4 blksize=8", "a< OACK windowsize=4 blksize=8"],
    ...["a> DATA 1 8", "a> DATA 3 8", "a> DATA 4 8", "a< ACK 1", "a-"],
    ...["a> DATA 2 8", "a< ACK 4", "a> DATA 5 1", "a< ACK 5", "a-"]
  ],
  [
    40,
    "sends a NAK in the next window when the last block of a window is lost",
    ...["a> WRQ f octet windowsize=2 blksize=8", "a< OACK windowsize=2 blksize=8"],
    ...["a> DATA 1 8", "a> DATA 3 8", "a< ACK 1", "a> DATA 2 8", "a> DATA 3 8", "a< ACK 3"],
    ...["a> DATA 4 8", "a> DATA 5 8", "a< ACK 5", "a> DATA 6 0", "a< ACK 6"]
  ],
  [
    3,
    "acknowledges the last block again when its ACK was lost",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 3", "a< ACK 1", "a> DATA 1 3", "a< ACK 1", "a> DATA 1 3", "a< ACK 1"]
  ],
  [
    515,
    "writes a block once that is resent in lock-step because its ACK was lost",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1", "a> DATA 1 512", "a< ACK 1"],
    ...["a> DATA 2 3", "a< ACK 2"]
  ],
  [
    3,
    "drops a block far ahead of the window",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 700 512", "a< ACK 0", "a> DATA 1 3", "a< ACK 1", "a-"]
  ],
  [
    "old",
    "sends ERROR 4 for a block longer than the blksize",
    ...["a> WRQ f octet blksize=8", "a< OACK blksize=8", "a> DATA 1 9", "a< ERROR 4", "a> DATA 1 8", "a-"]
  ],
  [
    "old",
    "discards the file when the client sends ERROR",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1", "a> ERROR 0 enough", "a-", "a> DATA 2 3", "a-"]
  ],
  [
    515,
    "sends ERROR 5 for an unknown transfer ID, and continues the transfer",
    ...["a> WRQ f octet", "a< ACK 0", "b> DATA 1 3", "b< ERROR 5", "a> DATA 1 512", "a< ACK 1"],
    ...["b> DATA 2 3", "b< ERROR 5", "a> DATA 2 3", "a< ACK 2"]
  ],
  [
    3,
    "refuses a second upload of a file, and sends the old file to readers meanwhile",
    ...["a> WRQ f octet", "a< ACK 0", "b> WRQ f octet", "b< ERROR 2", "c> RRQ f octet tsize=0", "c< OACK tsize=4"],
    ...["a> DATA 1 3", "a< ACK 1", "c> ACK 0", "c< DATA 1 4", "c> ACK 1", "c-"]
  ],
  [
    3,
    "starts one transfer for a duplicated request",
    ...["a> WRQ f octet", "a> WRQ f octet", "a< ACK 0", "a-", "a> DATA 1 3", "a< ACK 1", "a-"]
  ],
  [
    "old",
    "refuses a name outside of the root",
    "a> WRQ ../f octet",
    "a< ERROR 2",
    "b> WRQ x/../../f octet",
    "b< ERROR 2"
  ],
  ["old", "sends ERROR 1 for a missing folder", "a> WRQ none/f octet", "a< ERROR 1"],
  ["old", "accepts two dots inside a name", "a> WRQ f..g octet", "a< ACK 0"],
  [3, "ignores leading slashes and drive letters", "a> WRQ C:\\f octet", "a< ACK 0", "a> DATA 1 3", "a< ACK 1"],
  ...[
    ["a request without its final NUL", "\u0000\u0002f\u0000octet"],
    ["a request without a name", "\u0000\u0002\u0000octet\u0000"],
    ["an option without a value", "\u0000\u0002f\u0000octet\u0000tsize\u0000"],
    ["a control character", "\u0000\u0002f\u0007\u0000octet\u0000"],
    ["a request of more than 512 bytes", `\u0000\u0002${"f".repeat(506)}\u0000octet\u0000`]
  ].map(
    ([title, bytes]): Case => ["old", `sends ERROR 4 for ${title}`, `a> ${JSON.stringify(bytes)}`, "a< ERROR 4", "a-"]
  ),
  ...[
    ["an empty datagram", ""],
    ["one byte", "\u0000"],
    ["three bytes of an ACK", "\u0000\u0004\u0000"],
    ["opcode 0", "\u0000\u0000f\u0000"],
    ["opcode 9", "\u0000\u0009f\u0000"],
    ["an OACK", "\u0000\u0006a\u00001\u0000"],
    ["an ACK", "\u0000\u0004\u0000\u0001"],
    ["an ERROR", "\u0000\u0005\u0000\u0000\u0000"],
    ["junk of 60,000 bytes", "x".repeat(60_000)]
  ].map(([title, bytes]): Case => ["old", `sends no reply to ${title}`, `a> ${JSON.stringify(bytes)}`, "a-"]),
  ["old", "sends ERROR 5 for DATA without a request", "a> DATA 1 8", "a< ERROR 5", "a-"]
]
