/** What a server must answer to those who write, and what is then in the file `f`: `old`, or as many bytes as came. */
export type Case = readonly [left: "old" | number, shows: string, ...lines: ReadonlyArray<string>]

/** Each is tried with a server of its own, which holds the file `f`. */
export const cases: ReadonlyArray<Case> = [
  [0, "an empty file", "a> WRQ f octet", "a< ACK 0", "a> DATA 1 0", "a< ACK 1", "a-"],
  [3, "less than a block", "a> WRQ f octet", "a< ACK 0", "a> DATA 1 3", "a< ACK 1", "a-"],
  [
    512,
    "a whole block needs an empty one after it",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1", "a> DATA 2 0", "a< ACK 2", "a-"]
  ],
  [3, "unknown options are none", "a> WRQ f octet multicast= x=1", "a< ACK 0", "a> DATA 1 3", "a< ACK 1"],
  [
    9,
    "tsize is confirmed, unknown options are not",
    ...["a> WRQ f octet TSIZE=9 x=1 blksize=8", "a< OACK TSIZE=9 blksize=8"],
    ...["a> DATA 1 8", "a< ACK 1", "a> DATA 2 1", "a< ACK 2"]
  ],
  [
    "old",
    "fewer bytes than tsize said",
    ...["a> WRQ f octet tsize=9", "a< OACK tsize=9", "a> DATA 1 8", "a< ERROR 0", "a-"]
  ],
  [
    "old",
    "more bytes than tsize said",
    ...["a> WRQ f octet tsize=9", "a< OACK tsize=9", "a> DATA 1 512", "a< ACK 1", "a> DATA 2 1", "a< ERROR 0"]
  ],
  ["old", "more than there is room for, before any data", "a> WRQ f octet tsize=999999", "a< ERROR 3", "a-"],
  [
    33,
    "a window of four, one ACK",
    ...["a> WRQ f octet windowsize=4 blksize=8", "a< OACK windowsize=4 blksize=8"],
    ...["a> DATA 1 8", "a> DATA 2 8", "a> DATA 3 8", "a-", "a> DATA 4 8", "a< ACK 4", "a> DATA 5 1", "a< ACK 5", "a-"]
  ],
  [
    33,
    "the first of a window is lost: one ACK for all that follows",
    ...["a> WRQ f octet windowsize=4 blksize=8", "a< OACK windowsize=4 blksize=8", "a> DATA 1 8", "a> DATA 2 8"],
    ...["a> DATA 3 8", "a> DATA 4 8", "a< ACK 4", "a> DATA 6 8", "a> DATA 7 8", "a> DATA 8 8", "a< ACK 4", "a-"],
    ...["a> DATA 5 1", "a< ACK 5", "a-"]
  ],
  [
    33,
    "one in the middle is lost: one ACK, and on from there",
    ...["a> WRQ f octet windowsize=4 blksize=8", "a< OACK windowsize=4 blksize=8"],
    ...["a> DATA 1 8", "a> DATA 3 8", "a> DATA 4 8", "a< ACK 1", "a-"],
    ...["a> DATA 2 8", "a< ACK 4", "a> DATA 5 1", "a< ACK 5", "a-"]
  ],
  [
    40,
    "the last of a window is lost: the next window says so",
    ...["a> WRQ f octet windowsize=2 blksize=8", "a< OACK windowsize=2 blksize=8"],
    ...["a> DATA 1 8", "a> DATA 3 8", "a< ACK 1", "a> DATA 2 8", "a> DATA 3 8", "a< ACK 3"],
    ...["a> DATA 4 8", "a> DATA 5 8", "a< ACK 5", "a> DATA 6 0", "a< ACK 6"]
  ],
  [
    3,
    "the last ACK is lost: the last block is answered again",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 3", "a< ACK 1", "a> DATA 1 3", "a< ACK 1", "a> DATA 1 3", "a< ACK 1"]
  ],
  [
    515,
    "an ACK is lost in lock-step: it comes again, and the block is written once",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1", "a> DATA 1 512", "a< ACK 1"],
    ...["a> DATA 2 3", "a< ACK 2"]
  ],
  [
    3,
    "a block from the future is not taken",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 700 512", "a< ACK 0", "a> DATA 1 3", "a< ACK 1", "a-"]
  ],
  [
    "old",
    "a block longer than agreed",
    ...["a> WRQ f octet blksize=8", "a< OACK blksize=8", "a> DATA 1 9", "a< ERROR 4", "a> DATA 1 8", "a-"]
  ],
  [
    "old",
    "the client gives up",
    ...["a> WRQ f octet", "a< ACK 0", "a> DATA 1 512", "a< ACK 1", "a> ERROR 0 enough", "a-", "a> DATA 2 3", "a-"]
  ],
  [
    515,
    "strangers are told so, and the transfer goes on",
    ...["a> WRQ f octet", "a< ACK 0", "b> DATA 1 3", "b< ERROR 5", "a> DATA 1 512", "a< ACK 1"],
    ...["b> DATA 2 3", "b< ERROR 5", "a> DATA 2 3", "a< ACK 2"]
  ],
  [
    3,
    "the second who writes one file is refused, and who reads it gets the old one",
    ...["a> WRQ f octet", "a< ACK 0", "b> WRQ f octet", "b< ERROR 2", "c> RRQ f octet tsize=0", "c< OACK tsize=4"],
    ...["a> DATA 1 3", "a< ACK 1", "c> ACK 0", "c< DATA 1 4", "c> ACK 1", "c-"]
  ],
  [
    3,
    "a doubled request is one transfer",
    ...["a> WRQ f octet", "a> WRQ f octet", "a< ACK 0", "a-", "a> DATA 1 3", "a< ACK 1", "a-"]
  ],
  ["old", "outside the root", "a> WRQ ../f octet", "a< ERROR 2", "b> WRQ x/../../f octet", "b< ERROR 2"],
  ["old", "no such folder", "a> WRQ none/f octet", "a< ERROR 1"],
  ["old", "two dots in a name are no way out", "a> WRQ f..g octet", "a< ACK 0"],
  [3, "slashes and drives are of no account", "a> WRQ C:\\f octet", "a< ACK 0", "a> DATA 1 3", "a< ACK 1"],
  // What no request is.
  ...[
    ["a request without its end", "\u0000\u0002f\u0000octet"],
    ["no name", "\u0000\u0002\u0000octet\u0000"],
    ["an option without a value", "\u0000\u0002f\u0000octet\u0000tsize\u0000"],
    ["a control character", "\u0000\u0002f\u0007\u0000octet\u0000"],
    ["a request of more than 512 bytes", `\u0000\u0002${"f".repeat(506)}\u0000octet\u0000`]
  ].map(([shows, bytes]): Case => ["old", shows!, `a> ${JSON.stringify(bytes)}`, "a< ERROR 4", "a-"]),
  ...[
    ["nothing", ""],
    ["one byte", "\u0000"],
    ["three bytes of an ACK", "\u0000\u0004\u0000"],
    ["opcode 0", "\u0000\u0000f\u0000"],
    ["opcode 9", "\u0000\u0009f\u0000"],
    ["an OACK", "\u0000\u0006a\u00001\u0000"],
    ["an ACK", "\u0000\u0004\u0000\u0001"],
    ["an ERROR", "\u0000\u0005\u0000\u0000\u0000"],
    ["junk of 60,000 bytes", "x".repeat(60_000)]
  ].map(([shows, bytes]): Case => ["old", `no answer to ${shows}`, `a> ${JSON.stringify(bytes)}`, "a-"]),
  ["old", "DATA out of nowhere", "a> DATA 1 8", "a< ERROR 5", "a-"]
]
