/** What a client must make of the answers of servers, good and bad, packet by packet. */

import type * as TftpClient from "../../../src/tftp/TftpClient.ts"
import * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"

/** A conversation; `s` is the server's endpoint. */
export interface Case {
  readonly shows: string
  readonly options?: TftpClient.Options
  /** What the client says of it, in the words of `TftpLab.wordOf`. */
  readonly ends: string
  readonly lines: ReadonlyArray<string>
}

const read = "s< RRQ f octet tsize=0 blksize=1428 windowsize=64"
const write = "s< WRQ f octet tsize=1000 blksize=1428 windowsize=64"
const quick = { retransmission: Retransmission.fixed({ every: "50 millis", attempts: 3 }) }

/** As a server of RFC 1350 sends it, once it is asked for nothing else. */
const sent = ["u> DATA 1 512", "u< ACK 1", "u> DATA 2 488", "u< ACK 2"]
const taken = ["u> ACK 0", "u< DATA 1 512", "u> ACK 1", "u< DATA 2 488", "u> ACK 2"]

/** OACKs that nobody may send to such a request. */
const bad = ["multicast=1", "rollover=0", "timeout=3", "blksize=1429", "windowsize=65", "blksize=7", "tsize=x"]

/** Of a file of 1,000 bytes. */
export const reading: ReadonlyArray<Case> = [
  { shows: "options are ignored", ends: "done", lines: [read, ...sent] },
  {
    shows: "options are granted, lowered and left out",
    ends: "done",
    lines: [
      read,
      "t> OACK tsize=1000 blksize=900",
      "t< ACK 0",
      "t> DATA 1 900",
      "t< ACK 1",
      "t> DATA 2 100",
      "t< ACK 2"
    ]
  },
  {
    shows: "a window",
    ends: "done",
    lines: [read, "t> OACK blksize=500 windowsize=2", "t< ACK 0", "t> DATA 1 500", "t> DATA 2 500", "t< ACK 2"].concat([
      "t> DATA 3 0",
      "t< ACK 3"
    ])
  },
  {
    shows: "a window with a gap: one ACK",
    ends: "done",
    lines: [
      read,
      "t> OACK blksize=250 windowsize=4",
      "t< ACK 0",
      "t> DATA 1 250",
      "t> DATA 3 250",
      "t> DATA 4 250"
    ].concat(["t< ACK 1", "t> DATA 2 250", "t< ACK 4", "t> DATA 5 0", "t< ACK 5"])
  },
  {
    shows: "ERROR 8 to the options: again without",
    ends: "done",
    lines: [read, "t> ERROR 8 no", "s< RRQ f octet", ...sent]
  },
  { shows: "ERROR 4, from older servers", ends: "done", lines: [read, "t> ERROR 4 no", "s< RRQ f octet", ...sent] },
  ...bad.map((option) => ({
    shows: `OACK ${option}: ERROR 8, and again without options`,
    ends: "done",
    lines: [read, `t> OACK ${option}`, "t< ERROR 8", "s< RRQ f octet", ...sent]
  })),
  {
    shows: "an OACK that is none",
    ends: "done",
    lines: [read, 't> "\\u0000\\u0006blksize"', "t< ERROR 4", "s< RRQ f octet", ...sent]
  },
  {
    shows: "garbage behind an OACK",
    ends: "done",
    lines: [read, 't> "\\u0000\\u0006tsize\\u00001000\\u0000garbage"', "t< ACK 0", "t> DATA 1 512", "t< ACK 1"].concat([
      "t> DATA 2 488",
      "t< ACK 2"
    ])
  },
  {
    shows: "an OACK nobody asked for",
    options: { plain: true },
    ends: "ProtocolViolation 8",
    lines: ["s< RRQ f octet", "t> OACK blksize=512", "t< ERROR 8"]
  },
  { shows: "no such file", ends: "Refused 1", lines: [read, "t> ERROR 1 no", "t-"] },
  { shows: "an ACK is no answer", ends: "ProtocolViolation 4", lines: [read, "t> ACK 0", "t< ERROR 4"] },
  { shows: "the first answer is lost", options: quick, ends: "done", lines: [read, read, ...sent] },
  { shows: "nobody answers", options: quick, ends: "Timeout", lines: [read, read, read] },
  {
    shows: "the server is gone in the middle",
    options: quick,
    ends: "Timeout",
    lines: [read, "t> DATA 1 512", "t< ACK 1", "t< ACK 1", "t< ACK 1"]
  },
  {
    shows: "the server gives up in the middle",
    ends: "Refused 0",
    lines: [read, "t> DATA 1 512", "t< ACK 1", "t> ERROR 0 disk", "t-"]
  },
  {
    shows: "two servers answer: the first one counts",
    ends: "done",
    lines: [read, "u> DATA 1 512", "v> DATA 1 512", "v< ERROR 5", "u< ACK 1", "v> ERROR 0 sorry", "v-"].concat([
      "u> DATA 2 488",
      "u< ACK 2"
    ])
  },
  {
    shows: "fewer bytes than were announced",
    ends: "SizeMismatch",
    lines: [read, "t> OACK tsize=1001", "t< ACK 0", "t> DATA 1 512", "t< ACK 1", "t> DATA 2 488", "t< ERROR 0"]
  },
  {
    shows: "a block longer than agreed",
    ends: "ProtocolViolation 4",
    lines: [read, "t> OACK blksize=900", "t< ACK 0", "t> DATA 1 901", "t< ERROR 4"]
  },
  {
    shows: "the last ACK is lost: it comes again",
    ends: "done",
    lines: [read, ...sent, "u> DATA 2 488", "u< ACK 2", "u> DATA 2 488", "u< ACK 2"]
  },
  {
    shows: "the first DATA comes with the OACK still to be answered",
    ends: "done",
    lines: [
      read,
      "t> OACK blksize=512",
      "t< ACK 0",
      "t> OACK blksize=512",
      "t< ACK 0",
      "t> DATA 1 512",
      "t< ACK 1"
    ].concat(["t> DATA 2 488", "t< ACK 2"])
  }
]

/** Of a file of 1,000 bytes. */
export const writing: ReadonlyArray<Case> = [
  { shows: "options are ignored", ends: "done", lines: [write, ...taken] },
  {
    shows: "an OACK is answered with DATA 1",
    ends: "done",
    lines: [write, "t> OACK tsize=1000 blksize=600", "t< DATA 1 600", "t> ACK 1", "t< DATA 2 400", "t> ACK 2"]
  },
  {
    shows: "a size that ends with a block",
    ends: "done",
    lines: [
      write,
      "t> OACK blksize=500 windowsize=2",
      "t< DATA 1 500",
      "t< DATA 2 500",
      "t> ACK 2",
      "t< DATA 3 0"
    ].concat(["t> ACK 3"])
  },
  {
    shows: "the server misses one of a window",
    ends: "done",
    lines: [
      write,
      "t> OACK blksize=300 windowsize=4",
      "t< DATA 1 300",
      "t< DATA 2 300",
      "t< DATA 3 300",
      "t< DATA 4 100"
    ].concat(["t> ACK 1", "t< DATA 2 300", "t< DATA 3 300", "t< DATA 4 100", "t> ACK 4", "t-"])
  },
  {
    shows: "ERROR 8 to the options: again without",
    ends: "done",
    lines: [write, "t> ERROR 8 no", "s< WRQ f octet", ...taken]
  },
  ...bad.map((option) => ({
    shows: `OACK ${option}: ERROR 8, and again without options`,
    ends: "done",
    lines: [write, `t> OACK ${option}`, "t< ERROR 8", "s< WRQ f octet", ...taken]
  })),
  {
    shows: "every ACK comes twice: every block goes out once",
    ends: "done",
    lines: [
      write,
      "u> ACK 0",
      "u> ACK 0",
      "u< DATA 1 512",
      "u-",
      "u> ACK 1",
      "u> ACK 1",
      "u< DATA 2 488",
      "u-",
      "u> ACK 2"
    ]
  },
  {
    shows: "the disk is full",
    ends: "Refused 3",
    lines: [write, "t> ACK 0", "t< DATA 1 512", "t> ERROR 3 full", "t-"]
  },
  { shows: "it exists", ends: "Refused 6", lines: [write, "t> ERROR 6 exists", "t-"] },
  { shows: "DATA is no answer", ends: "ProtocolViolation 4", lines: [write, "t> DATA 1 3", "t< ERROR 4"] },
  { shows: "nobody answers", options: quick, ends: "Timeout", lines: [write, write, write] },
  {
    shows: "all but the last ACK: it may have arrived",
    options: quick,
    ends: "Timeout last",
    lines: [write, "u> ACK 0", "u< DATA 1 512", "u> ACK 1", "u< DATA 2 488", "u< DATA 2 488", "u< DATA 2 488"]
  },
  {
    shows: "the server is gone in the middle: it has not arrived",
    options: quick,
    ends: "Timeout",
    lines: [write, "u> ACK 0", "u< DATA 1 512", "u< DATA 1 512", "u< DATA 1 512"]
  }
]
