/** Files of /proc as the kernel writes them, for tests. */
import * as Arbitrary from "effect/Arbitrary"
import * as Schema from "effect/Schema"
import type * as InetTable from "../../../src/inspect/sockets/InetTable.ts"

export const between = (minimum: number, maximum: number) =>
  Arbitrary.schema(Schema.Int.check(Schema.isBetween({ minimum, maximum })))

/** Bytes that no file of /proc has. */
export const garbage = Arbitrary.map(Arbitrary.array(between(0, 255), { maxLength: 400 }), (all) =>
  Uint8Array.from(all)
)

/** Bytes that look like lines of a table, mostly. */
export const almostTable = Arbitrary.map(
  Arbitrary.array(
    Arbitrary.map(between(0, 22), (at) => "0123456789ABCDEF:  \n\n-x"[at] ?? " "),
    { maxLength: 600 }
  ),
  (all) => encode(all.join(""))
)

const encoder = new TextEncoder()
export const encode = (text: string) => encoder.encode(text)

const hex = (value: number, digits: number) => value.toString(16).toUpperCase().padStart(digits, "0")

/** Formats an IPv4 address as a little-endian kernel does. */
const hexOf = (address: string) =>
  address
    .split(".")
    .map((octet) => hex(Number(octet), 2))
    .reverse()
    .join("")

const titles = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"

const lineOf = (row: InetTable.InetRow, index: number) =>
  [
    `${index}:`.padStart(5),
    `${hexOf(row.localAddress)}:${hex(row.localPort, 4)}`,
    `${hexOf(row.peerAddress)}:${hex(row.peerPort, 4)}`,
    hex(row.stateCode, 2),
    `${hex(row.sendQueue, 8)}:${hex(row.receiveQueue, 8)}`,
    `${hex(row.timerCode, 2)}:${hex(row.timerTicks, 8)}`,
    hex(row.retransmits, 8),
    `${row.uid}`.padStart(5),
    `${row.probes}`.padStart(8),
    `${row.inode}`,
    ...(row.drops === undefined ? ["1 0000000060d0008b 100 0 0 10 0"] : [`2 0000000060d0008b ${row.drops}`])
  ].join(" ")

/** Formats a table of IPv4 as the kernel does: all lines are padded to one length. */
export const formatTable = (rows: ReadonlyArray<InetTable.InetRow>) =>
  encode(`${[titles, ...rows.map(lineOf)].map((line) => line.padEnd(149)).join("\n")}\n`)

/** A row with defaults. */
export const row = (given: Partial<InetTable.InetRow> = {}): InetTable.InetRow => ({
  localAddress: "127.0.0.1",
  localPort: 1067,
  peerAddress: "0.0.0.0",
  peerPort: 0,
  stateCode: 10,
  sendQueue: 0,
  receiveQueue: 0,
  timerCode: 0,
  timerTicks: 0,
  retransmits: 0,
  uid: 0,
  probes: 0,
  inode: 4242,
  drops: undefined,
  ...given
})

const address = Arbitrary.map(Arbitrary.array(between(0, 255), { minLength: 4, maxLength: 4 }), (all) => all.join("."))

/** Any row of TCP, or of UDP with drops. */
export const anyRow = (protocol: "tcp" | "udp") =>
  Arbitrary.map(
    Arbitrary.all([
      Arbitrary.all([address, between(0, 65_535), address, between(0, 65_535), between(1, 12)]),
      Arbitrary.all([between(0, 2 ** 32 - 1), between(0, 2 ** 32 - 1), between(0, 4), between(0, 2 ** 31)]),
      Arbitrary.all([between(0, 255), between(0, 2 ** 32 - 1), between(0, 255), between(0, 2 ** 32 - 1)])
    ]),
    ([
      [localAddress, localPort, peerAddress, peerPort, stateCode],
      [sendQueue, receiveQueue, timerCode, timerTicks],
      [retransmits, uid, probes, inode]
    ]): InetTable.InetRow => ({
      ...{ localAddress, localPort, peerAddress, peerPort, stateCode, sendQueue, receiveQueue, timerCode },
      ...{ timerTicks, retransmits, uid, probes, inode, drops: protocol === "udp" ? probes * 7 : undefined }
    })
  )

const unixTitles = "Num       RefCount Protocol Flags    Type St Inode Path\n"

/** Formats a table of unix sockets: flags, type, state, inode and path of each. */
export const formatUnix = (...rows: ReadonlyArray<readonly [number, number, number, number, string?]>) =>
  encode(
    `${unixTitles}${rows
      .map(
        ([flags, type, state, inode, path]) =>
          `0000000000000000: 00000002 00000000 ${hex(flags, 8)} ${hex(type, 4)} ${hex(state, 2)} ${`${inode}`.padStart(5)}${path === undefined ? "" : ` ${path}`}\n`
      )
      .join("")}`
  )
