/** What a server must answer to those who read, packet by packet. */
import { pseudoRandomBytes } from "../../support/Hosts.ts"

/** The files that are read. */
export const files: Readonly<Record<string, Uint8Array>> = Object.fromEntries(
  [0, 1, 511, 512, 513, 1_000, 2_048, 2_936, 40_000].map((size) => [`f${size}`, pseudoRandomBytes(size, size + 1)])
)

/** A conversation about a file: its name, what it shows, and the lines. */
export type Case = readonly [file: string, shows: string, ...lines: ReadonlyArray<string>]

/** Each is tried with a server of its own. */
export const cases: ReadonlyArray<Case> = [
  ["f0", "an empty file is one empty block", "a> RRQ f0 octet", "a< DATA 1 0", "a> ACK 1", "a-"],
  ["f1", "one byte", "a> RRQ f1 octet", "a< DATA 1 1", "a> ACK 1", "a-"],
  ["f511", "a byte less than a block", "a> RRQ f511 octet", "a< DATA 1 511", "a> ACK 1", "a-"],
  [
    "f512",
    "a whole block: an empty one follows",
    ...["a> RRQ f512 octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 0", "a> ACK 2", "a-"]
  ],
  [
    "f513",
    "a byte more than a block",
    ...["a> RRQ f513 octet", "a< DATA 1 512", "a> ACK 1", "a< DATA 2 1", "a> ACK 2", "a-"]
  ],
  [
    "f2936",
    "two whole blocks of another size",
    ...["a> RRQ f2936 octet blksize=1468", "a< OACK blksize=1468", "a> ACK 0", "a< DATA 1 1468", "a> ACK 1"],
    ...["a< DATA 2 1468", "a> ACK 2", "a< DATA 3 0", "a> ACK 3", "a-"]
  ],
  [
    "f2048",
    "a window of four blocks and no more, the empty block after it",
    ...["a> RRQ f2048 octet windowsize=4", "a< OACK windowsize=4", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512", "a-"],
    ...["a> ACK 4", "a< DATA 5 0", "a> ACK 5", "a-"]
  ],
  ["f1", "an unknown option alone is no option", "a> RRQ f1 octet multicast=", "a< DATA 1 1", "a> ACK 1"],
  ["f1", "what was not asked for is not answered", "a> RRQ f1 octet x=1 blksize=8 y=2", "a< OACK blksize=8"],
  ["f1", "names in any case, as they came", "a> RRQ f1 OCTET BLKSIZE=900 TSize=0", "a< OACK BLKSIZE=900 TSize=1"],
  ...["7", "0", "abc", "-1", "1e3", "8.0", "0x10"].map(
    (value): Case => ["f1", `blksize=${value} is as good as none`, `a> RRQ f1 octet blksize=${value}`, "a< DATA 1 1"]
  ),
  ...["65464", "65465", "70000"].map(
    (value): Case => ["f1", `blksize=${value}`, `a> RRQ f1 octet blksize=${value}`, "a< OACK blksize=65464"]
  ),
  ["f1", "blksize=8", "a> RRQ f1 octet blksize=8", "a< OACK blksize=8", "a> ACK 0", "a< DATA 1 1"],
  ["f40000", "tsize", "a> RRQ f40000 octet tsize=0", "a< OACK tsize=40000"],
  ["f40000", "no tsize of what netascii makes", "a> RRQ f40000 netascii tsize=0 blksize=9", "a< OACK blksize=9"],
  ["f0", "no tsize of an empty file, which ends curl", "a> RRQ f0 octet tsize=0", "a< DATA 1 0"],
  ...["timeout=1", "timeout=255", "utimeout=10000", "utimeout=255000000"].map(
    (option): Case => ["f1", option, `a> RRQ f1 octet ${option}`, `a< OACK ${option}`]
  ),
  ...["timeout=0", "timeout=256", "utimeout=9999", "utimeout=255000001", "windowsize=0"].map(
    (option): Case => ["f1", `${option} is as good as none`, `a> RRQ f1 octet ${option}`, "a< DATA 1 1"]
  ),
  ["f1", "the window is lowered", "a> RRQ f1 octet windowsize=65535", "a< OACK windowsize=64"],
  [
    "f40000",
    "the same ACK twice at windowsize 1: every block once",
    ...["a> RRQ f40000 octet", "a< DATA 1 512", "a> ACK 1", "a> ACK 1", "a< DATA 2 512", "a-"],
    ...["a> ACK 2", "a> ACK 2", "a< DATA 3 512", "a-"]
  ],
  [
    "f40000",
    "an ACK of what was never sent is not believed",
    ...["a> RRQ f40000 octet", "a< DATA 1 512", "a> ACK 2", "a> ACK 60000", "a-", "a> ACK 1", "a< DATA 2 512"]
  ],
  [
    "f40000",
    "an ACK of an older window changes nothing",
    ...["a> RRQ f40000 octet windowsize=2", "a< OACK windowsize=2", "a> ACK 0", "a< DATA 1 512", "a< DATA 2 512"],
    ...["a> ACK 2", "a< DATA 3 512", "a< DATA 4 512", "a> ACK 1", "a> ACK 0", "a-", "a> ACK 4", "a< DATA 5 512"]
  ],
  [
    "f1000",
    "strangers are told so, and the transfer goes on",
    ...["a> RRQ f1000 octet", "a< DATA 1 512", "b> ACK 1", "b< ERROR 5", "b> ERROR 0 no", "b-"],
    ...["a-", "a> ACK 1", "a< DATA 2 488", "b> ACK 2", "b< ERROR 5", "a> ACK 2", "a-"]
  ],
  [
    "f1000",
    "a doubled request is one transfer",
    ...["a> RRQ f1000 octet", "a> RRQ f1000 octet", "a< DATA 1 512", "a-", "a> ACK 1", "a< DATA 2 488", "a> ACK 2"]
  ],
  ["f1", "what is not there", "a> RRQ nothing octet", "a< ERROR 1", "a-"],
  ["f1", "a mode nobody knows", "a> RRQ f1 binary", "a< ERROR 4", "a-"],
  ["f1", "mail is long gone", "a> RRQ f1 mail", "a< ERROR 4", "a-"]
]

/** Where the sender goes by the round trip: these need a clock that does not stumble. */
export const timed: ReadonlyArray<Case> = [
  [
    "f40000",
    "the same ACK twice at once at windowsize 4: every block once",
    ...["a> RRQ f40000 octet windowsize=4", "a< OACK windowsize=4", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512", "a> ACK 4", "a> ACK 4"],
    ...["a< DATA 5 512", "a< DATA 6 512", "a< DATA 7 512", "a< DATA 8 512", "a-"]
  ],
  [
    "f40000",
    "a block missing in the middle of a window: on from there at once",
    ...["a> RRQ f40000 octet windowsize=4", "a< OACK windowsize=4", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a< DATA 4 512", "a> ACK 2"],
    ...["a< DATA 3 512", "a< DATA 4 512", "a< DATA 5 512", "a< DATA 6 512", "a-"]
  ],
  [
    "f40000",
    "the last block of a window is missing",
    ...["a> RRQ f40000 octet windowsize=3", "a< OACK windowsize=3", "a> ACK 0"],
    ...["a< DATA 1 512", "a< DATA 2 512", "a< DATA 3 512", "a> ACK 2"],
    ...["a< DATA 3 512", "a< DATA 4 512", "a< DATA 5 512", "a-"]
  ]
]
