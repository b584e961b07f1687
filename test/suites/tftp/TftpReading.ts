/** The replies of a server to clients that read, packet by packet. */
import { pseudoRandomBytes } from "../../support/Hosts.ts"

/** The files of the server. */
export const files: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
  [0, 1, 511, 512, 513, 1_000, 2_048, 2_936, 40_000].map((size) => [`f${size}`, pseudoRandomBytes(size, size + 1)])
)

/** A conversation: the file, the title of the test, and the lines in the notation of `TftpTranscript.open`. */
export type Case = readonly [file: string, title: string, ...lines: ReadonlyArray<string>]

/** The conversations; each runs with its own server. */
export const cases: ReadonlyArray<Case> = [
  ["f0", "sends one empty block for an empty file", "a> RRQ f0 octet", "a< DATA 1 0", "a> ACK 1", "a-"],
  ["f1", "sends one block for a file of one byte", "a> RRQ f1 octet", "a< DATA 1 1", "a> ACK 1", "a-"],
  [
    "f511",
    "sends one block for a file one byte shorter than a block",
    "a> RRQ f511 octet",
    "a< DATA 1 511",
    "a> ACK 1",
    "a-"
  ],
  [
    "f512",
    "sends an empty block after a whole block",
    ...["a> RRQ f512 octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 0", "a> ACK 2", "a-"]
  ],
  [
    "f513",
    "sends a second block for a file one byte longer than a block",
    ...["a> RRQ f513 octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 1", "a> ACK 2", "a-"]
  ],
  [
    "f2936",
    "sends blocks of the requested size",
    ...["a> RRQ f2936 octet blksize=1468", "a< OACK blksize=1468", "a> ACK 0", "a< DATA 1 1468", "a> ACK 1"],
    ...["a< DATA 2 1468", "a> ACK 2", "a< DATA 3 0", "a> ACK 3", "a-"]
  ],
  [
    "f2048",
    "sends a window of four blocks, and the empty block after its ACK",
    ...["a> RRQ f2048 octet windowsize=4", "a< OACK windowsize=4", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512", "a-"],
    ...["a> ACK 4", "a< DATA 5 0", "a> ACK 5", "a-"]
  ],
  ["f1", "sends DATA without an OACK for an unknown option", "a> RRQ f1 octet multicast=", "a< DATA 1 1", "a> ACK 1"],
  ["f1", "omits unknown options from the OACK", "a> RRQ f1 octet x=1 blksize=8 y=2", "a< OACK blksize=8"],
  ["f1", "repeats the spelling of the options", "a> RRQ f1 OCTET BLKSIZE=900 TSize=0", "a< OACK BLKSIZE=900 TSize=1"],
  ...["7", "0", "abc", "-1", "1e3", "8.0", "0x10"].map(
    (value): Case => ["f1", `ignores blksize=${value}`, `a> RRQ f1 octet blksize=${value}`, "a< DATA 1 1"]
  ),
  ...["65464", "65465", "70000"].map(
    (value): Case => [
      "f1",
      `grants 65464 for blksize=${value}`,
      `a> RRQ f1 octet blksize=${value}`,
      "a< OACK blksize=65464"
    ]
  ),
  ["f1", "grants blksize=8", "a> RRQ f1 octet blksize=8", "a< OACK blksize=8", "a> ACK 0", "a< DATA 1 1"],
  ["f40000", "grants tsize", "a> RRQ f40000 octet tsize=0", "a< OACK tsize=40000"],
  ["f40000", "omits tsize in mode netascii", "a> RRQ f40000 netascii tsize=0 blksize=9", "a< OACK blksize=9"],
  ["f0", "omits tsize for an empty file, as 0 makes curl fail", "a> RRQ f0 octet tsize=0", "a< DATA 1 0"],
  ...["timeout=1", "timeout=255", "utimeout=10000", "utimeout=255000000"].map(
    (option): Case => ["f1", `grants ${option}`, `a> RRQ f1 octet ${option}`, `a< OACK ${option}`]
  ),
  ...["timeout=0", "timeout=256", "utimeout=9999", "utimeout=255000001", "windowsize=0"].map(
    (option): Case => ["f1", `ignores ${option}`, `a> RRQ f1 octet ${option}`, "a< DATA 1 1"]
  ),
  ["f1", "reduces a windowsize above its limit", "a> RRQ f1 octet windowsize=65535", "a< OACK windowsize=64"],
  [
    "f40000",
    "sends each block once when ACKs are duplicated at windowsize 1",
    ...["a> RRQ f40000 octet", "a< DATA 1 512", "a> ACK 1", "a> ACK 1", "a< DATA 2 512", "a-"],
    ...["a> ACK 2", "a> ACK 2", "a< DATA 3 512", "a-"]
  ],
  [
    "f40000",
    "ignores an ACK of a block never sent",
    ...["a> RRQ f40000 octet", "a< DATA 1 512", "a> ACK 2", "a> ACK 60000", "a-", "a> ACK 1", "a< DATA 2 512"]
  ],
  [
    "f40000",
    "ignores an ACK of an older window",
    ...["a> RRQ f40000 octet windowsize=2", "a< OACK windowsize=2", "a> ACK 0", "a< DATA 1 512", "a< DATA 2 512"],
    ...["a> ACK 2", "a< DATA 3 512", "a< DATA 4 512", "a> ACK 1", "a> ACK 0", "a-", "a> ACK 4", "a< DATA 5 512"]
  ],
  [
    "f1000",
    "sends ERROR 5 for an unknown transfer ID, and continues the transfer",
    ...["a> RRQ f1000 octet", "a< DATA 1 512", "b> ACK 1", "b< ERROR 5", "b> ERROR 0 no", "b-"],
    ...["a-", "a> ACK 1", "a< DATA 2 488", "b> ACK 2", "b< ERROR 5", "a> ACK 2", "a-"]
  ],
  [
    "f1000",
    "starts one transfer for a duplicated request",
    ...["a> RRQ f1000 octet", "a> RRQ f1000 octet", "a< DATA 1 512", "a-", "a> ACK 1", "a< DATA 2 488", "a> ACK 2"]
  ],
  ["f1", "sends ERROR 1 for a missing file", "a> RRQ nothing octet", "a< ERROR 1", "a-"],
  ["f1", "sends ERROR 4 for an unknown mode", "a> RRQ f1 binary", "a< ERROR 4", "a-"],
  ["f1", "sends ERROR 4 for the obsolete mode mail", "a> RRQ f1 mail", "a< ERROR 4", "a-"]
]

/** The conversations that depend on the round trip time: they run in virtual time only. */
export const timed: ReadonlyArray<Case> = [
  [
    "f40000",
    "sends each block once when an ACK is duplicated at once at windowsize 4",
    ...["a> RRQ f40000 octet windowsize=4", "a< OACK windowsize=4", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512", "a> ACK 4", "a> ACK 4"],
    ...["a< DATA 5 512", "a< DATA 6 512", "a< DATA 7 512", "a< DATA 8 512", "a-"]
  ],
  [
    "f40000",
    "goes back at once to a block missing in the middle of a window",
    ...["a> RRQ f40000 octet windowsize=4", "a< OACK windowsize=4", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512", "a> ACK 2"],
    ...["a< DATA 3 512", "a< DATA 4 512", "a< DATA 5 512", "a< DATA 6 512", "a-"]
  ],
  [
    "f40000",
    "goes back to the missing last block of a window",
    ...["a> RRQ f40000 octet windowsize=3", "a< OACK windowsize=3", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a> ACK 2"],
    ...["a< DATA 3 512", "a< DATA 4 512", "a< DATA 5 512", "a-"]
  ]
]
