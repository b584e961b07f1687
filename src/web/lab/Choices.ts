/** The choices of the laboratory's protocols: what a student can change besides the network. Pure. */

/** A choice of a protocol: a parameter of the query with a few values. */
export interface Choice {
  /** Parameter of the query. */
  readonly name: string
  readonly label: string
  readonly values: ReadonlyArray<{ readonly value: string; readonly label: string }>
  /** Value at first. */
  readonly initial: string
  /** One line for the reader. */
  readonly hint: string
}

const numbers = (unit: string, ...values: ReadonlyArray<number>) =>
  values.map((value) => ({
    value: `${value}`,
    label: `${value.toLocaleString("en")} ${unit}${value === 1 ? "" : "s"}`
  }))

const millis = (...values: ReadonlyArray<number>) =>
  values.map((value) => ({ value: `${value}`, label: `${value.toLocaleString("en")} ms` }))

const rot13: ReadonlyArray<Choice> = [
  {
    name: "transport",
    label: "Transport",
    values: [
      { value: "tcp", label: "TCP" },
      { value: "udp", label: "UDP" }
    ],
    initial: "tcp",
    hint: "TCP repeats lost segments; over UDP a lost request stays without a reply"
  },
  {
    name: "sending",
    label: "Client",
    values: [
      { value: "wait", label: "waits for each reply" },
      { value: "at-once", label: "sends all at once" }
    ],
    initial: "wait",
    hint: "Sent at once, messages over TCP are one stream of bytes without boundaries"
  },
  {
    name: "messages",
    label: "Messages",
    values: numbers("message", 1, 3, 8),
    initial: "3",
    hint: "Number of messages that the client sends"
  }
]

const tftp: ReadonlyArray<Choice> = [
  {
    name: "sender",
    label: "Server",
    values: [
      { value: "rfc1350", label: "RFC 1350 and RFC 1123" },
      { value: "rfc783", label: "RFC 783: every ACK" }
    ],
    initial: "rfc1350",
    hint: "A server that answers repeated ACKs, too, sends the rest of the file twice: the Sorcerer's Apprentice"
  },
  {
    name: "windowsize",
    label: "Window",
    values: numbers("block", 1, 2, 4, 8, 16),
    initial: "1",
    hint: "Blocks sent before an ACK is awaited (RFC 7440); a server of RFC 783 sends one"
  },
  {
    name: "blksize",
    label: "Block",
    values: numbers("byte", 256, 512, 1_024, 1_428),
    initial: "512",
    hint: "Bytes of a block (RFC 2348); those of a server of RFC 783 have 512"
  },
  {
    name: "size",
    label: "File",
    values: numbers("byte", 1_500, 4_000, 12_000, 30_000),
    initial: "4000",
    hint: "Size of the file; a block shorter than the others is the last"
  },
  {
    name: "timeout",
    label: "Timeout of the server",
    values: [{ value: "adaptive", label: "adaptive" }, ...millis(100, 300, 1_000)],
    initial: "adaptive",
    hint: "Time without an ACK until a block is sent again; adaptive follows the round trip, and is 1 s by RFC 783"
  }
]

const stopAndWait: ReadonlyArray<Choice> = [
  {
    name: "numbering",
    label: "Numbering",
    values: [
      { value: "none", label: "none" },
      { value: "bit", label: "alternating bit" },
      { value: "number", label: "sequence number" }
    ],
    initial: "bit",
    hint: "How the receiver tells a new message from a repeated one, and the sender the ACK it waits for from an old one"
  },
  {
    name: "messages",
    label: "Messages",
    values: numbers("message", 3, 6, 12),
    initial: "6",
    hint: "Number of messages that the sender has"
  },
  {
    name: "timeout",
    label: "Timeout",
    values: millis(50, 100, 300, 1_000),
    initial: "100",
    hint: "Time without an ACK after which a message is sent again; shorter than the round trip, it expires too early"
  }
]

const presence: ReadonlyArray<Choice> = [
  {
    name: "event",
    label: "What happens",
    values: [
      { value: "none", label: "nothing" },
      { value: "crash", label: "one host crashes" },
      { value: "restart", label: "a crash and a restart" },
      { value: "leave", label: "one host leaves" },
      { value: "partition", label: "a partition that heals" }
    ],
    initial: "crash",
    hint: "What happens after 4 s"
  },
  {
    name: "interval",
    label: "Interval",
    values: millis(500, 1_000, 2_000),
    initial: "1000",
    hint: "Time between two packets of a host, at most"
  }
]

/** The choices by protocol, in the order to show. */
export const table = { rot13, tftp, "stop-and-wait": stopAndWait, presence } as const
