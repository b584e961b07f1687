/** The reactions of a client to replies of servers, valid and invalid, packet by packet. */

import type * as TftpClient from "../../../src/tftp/TftpClient.ts"
import * as Retransmission from "../../../src/tftp/transfer/Retransmission.ts"

/** A conversation, in which `s` is the server's listen socket. */
export interface Case {
  readonly title: string
  readonly options?: TftpClient.Options
  /** The outcome at the client, as by `TftpHosts.outcome`. */
  readonly ends: string
  readonly lines: ReadonlyArray<string>
}

const read = "s< RRQ f octet tsize=0 blksize=1428 windowsize=64"
const write = "s< WRQ f octet tsize=1000 blksize=1428 windowsize=64"
/** The requests without options, which follow two that had no reply. */
const plainRead = "s< RRQ f octet"
const plainWrite = "s< WRQ f octet"
const quick = { retransmission: Retransmission.fixed({ every: "50 millis", attempts: 3 }) }

/** A transfer with a server of RFC 1350, without options. */
const sent = ["u> DATA 1 512", "u< ACK 1", "u> DATA 2 488", "u< ACK 2"]
const taken = ["u> ACK 0", "u< DATA 1 512", "u> ACK 1", "u< DATA 2 488", "u> ACK 2"]

/** Options that an OACK to such a request must not have. */
const bad = ["multicast=1", "rollover=0", "timeout=3", "blksize=1429", "windowsize=65", "blksize=7", "tsize=x"]

/** Reads of a file of 1,000 bytes. */
export const reading: ReadonlyArray<Case> = [
  { title: "accepts a server that ignores options", ends: "done", lines: [read, ...sent] },
  {
    title: "accepts an OACK with granted, reduced and missing options",
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
    title: "acknowledges each window once",
    ends: "done",
    lines: [read, "t> OACK blksize=500 windowsize=2", "t< ACK 0", "t> DATA 1 500", "t> DATA 2 500", "t< ACK 2"].concat([
      "t> DATA 3 0",
      "t< ACK 3"
    ])
  },
  {
    title: "sends one NAK for a gap in a window",
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
    title: "retries without options after ERROR 8",
    ends: "done",
    lines: [read, "t> ERROR 8 no", "s< RRQ f octet", ...sent]
  },
  {
    title: "retries without options after ERROR 4 of older servers",
    ends: "done",
    lines: [read, "t> ERROR 4 no", "s< RRQ f octet", ...sent]
  },
  ...bad.map((option) => ({
    title: `sends ERROR 8 for OACK ${option}, and retries without options`,
    ends: "done",
    lines: [read, `t> OACK ${option}`, "t< ERROR 8", "s< RRQ f octet", ...sent]
  })),
  {
    title: "sends ERROR 4 for a malformed OACK, and retries without options",
    ends: "done",
    lines: [read, 't> "\\u0000\\u0006blksize"', "t< ERROR 4", "s< RRQ f octet", ...sent]
  },
  {
    title: "ignores garbage after the options of an OACK",
    ends: "done",
    lines: [read, 't> "\\u0000\\u0006tsize\\u00001000\\u0000garbage"', "t< ACK 0", "t> DATA 1 512", "t< ACK 1"].concat([
      "t> DATA 2 488",
      "t< ACK 2"
    ])
  },
  {
    title: "sends ERROR 8 for an OACK to a request without options",
    options: { plain: true },
    ends: "ProtocolViolation 8",
    lines: ["s< RRQ f octet", "t> OACK blksize=512", "t< ERROR 8"]
  },
  { title: "fails for a missing file", ends: "Refused 1", lines: [read, "t> ERROR 1 no", "t-"] },
  {
    title: "sends ERROR 4 for an ACK in reply to a read request",
    ends: "ProtocolViolation 4",
    lines: [read, "t> ACK 0", "t< ERROR 4"]
  },
  {
    title: "sends the request again when the first reply is lost",
    options: quick,
    ends: "done",
    lines: [read, read, ...sent]
  },
  { title: "times out without a reply", options: quick, ends: "Timeout", lines: [read, read, plainRead] },
  {
    title: "leaves the options out after two requests without a reply",
    options: quick,
    ends: "done",
    lines: [read, read, plainRead, ...sent]
  },
  {
    title: "refuses an OACK to the request without options",
    options: quick,
    ends: "ProtocolViolation 8",
    lines: [read, read, plainRead, "t> OACK blksize=900", "t< ERROR 8"]
  },
  {
    title: "times out when the server stops during the transfer",
    options: quick,
    ends: "Timeout",
    lines: [read, "t> DATA 1 512", "t< ACK 1", "t< ACK 1", "t< ACK 1"]
  },
  {
    title: "fails when the server sends ERROR during the transfer",
    ends: "Refused 0",
    lines: [read, "t> DATA 1 512", "t< ACK 1", "t> ERROR 0 disk", "t-"]
  },
  {
    title: "uses the first of two servers that reply",
    ends: "done",
    lines: [read, "u> DATA 1 512", "v> DATA 1 512", "v< ERROR 5", "u< ACK 1", "v> ERROR 0 sorry", "v-"].concat([
      "u> DATA 2 488",
      "u< ACK 2"
    ])
  },
  {
    title: "sends ERROR 0 for fewer bytes than tsize",
    ends: "SizeMismatch",
    lines: [read, "t> OACK tsize=1001", "t< ACK 0", "t> DATA 1 512", "t< ACK 1", "t> DATA 2 488", "t< ERROR 0"]
  },
  {
    title: "sends ERROR 4 for a block longer than the blksize",
    ends: "ProtocolViolation 4",
    lines: [read, "t> OACK blksize=900", "t< ACK 0", "t> DATA 1 901", "t< ERROR 4"]
  },
  {
    title: "acknowledges the last block again when its ACK was lost",
    ends: "done",
    lines: [read, ...sent, "u> DATA 2 488", "u< ACK 2", "u> DATA 2 488", "u< ACK 2"]
  },
  {
    title: "acknowledges a repeated OACK again",
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

/** Writes of a file of 1,000 bytes. */
export const writing: ReadonlyArray<Case> = [
  { title: "accepts a server that ignores options", ends: "done", lines: [write, ...taken] },
  {
    title: "sends DATA 1 in reply to an OACK",
    ends: "done",
    lines: [write, "t> OACK tsize=1000 blksize=600", "t< DATA 1 600", "t> ACK 1", "t< DATA 2 400", "t> ACK 2"]
  },
  {
    title: "sends an empty block after a whole last block",
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
    title: "goes back to a block that the server misses in a window",
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
    title: "retries without options after ERROR 8",
    ends: "done",
    lines: [write, "t> ERROR 8 no", "s< WRQ f octet", ...taken]
  },
  ...bad.map((option) => ({
    title: `sends ERROR 8 for OACK ${option}, and retries without options`,
    ends: "done",
    lines: [write, `t> OACK ${option}`, "t< ERROR 8", "s< WRQ f octet", ...taken]
  })),
  {
    title: "sends each block once when all ACKs are duplicated",
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
    title: "fails when the server's disk is full",
    ends: "Refused 3",
    lines: [write, "t> ACK 0", "t< DATA 1 512", "t> ERROR 3 full", "t-"]
  },
  { title: "fails when the file exists", ends: "Refused 6", lines: [write, "t> ERROR 6 exists", "t-"] },
  {
    title: "sends ERROR 4 for DATA in reply to a write request",
    ends: "ProtocolViolation 4",
    lines: [write, "t> DATA 1 3", "t< ERROR 4"]
  },
  { title: "times out without a reply", options: quick, ends: "Timeout", lines: [write, write, write] },
  {
    title: "leaves the options out after four requests without a reply",
    options: { retransmission: Retransmission.fixed({ every: "50 millis", attempts: 6 }) },
    ends: "done",
    lines: [write, write, write, write, plainWrite, ...taken]
  },
  {
    title: "times out without the last ACK: the file may have arrived",
    options: quick,
    ends: "Timeout last",
    lines: [write, "u> ACK 0", "u< DATA 1 512", "u> ACK 1", "u< DATA 2 488", "u< DATA 2 488", "u< DATA 2 488"]
  },
  {
    title: "times out when the server stops during the transfer",
    options: quick,
    ends: "Timeout",
    lines: [write, "u> ACK 0", "u< DATA 1 512", "u< DATA 1 512", "u< DATA 1 512"]
  }
]
