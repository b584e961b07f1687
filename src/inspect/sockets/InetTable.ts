/**
 * Parser of /proc/net/tcp, tcp6, udp and udp6. Pure: it never throws, and counts the lines that it cannot read.
 *
 * The lines are read as bytes, because a table of 10,000 sockets has 1.5 MB: split into strings it took four times as
 * long.
 */
import * as NetAddress from "effect/net/NetAddress"
import { ByteScanner } from "./ByteScanner.ts"

/** A line of such a table, with the numbers of the kernel. */
export interface InetRow {
  readonly localAddress: string
  readonly localPort: number
  readonly peerAddress: string
  readonly peerPort: number
  /** State as the kernel numbers it: 1 is established, 10 listens. */
  readonly stateCode: number
  /** Bytes that are not acknowledged (TCP) or not sent (UDP). */
  readonly sendQueue: number
  /** Bytes that the process has not read; connections to accept of a listener. */
  readonly receiveQueue: number
  /** Running timer: 0 none, 1 retransmission, 2 keepalive, 3 TIME-WAIT, 4 zero window probe. */
  readonly timerCode: number
  /** Time until the timer expires, in ticks of a hundredth of a second. */
  readonly timerTicks: number
  readonly retransmits: number
  readonly uid: number
  /** Unanswered probes, of keepalive or of a zero window. */
  readonly probes: number
  /** Inode of the socket; 0 if no process has it open. */
  readonly inode: number
  /** Datagrams dropped for want of space. UDP only. */
  readonly drops: number | undefined
}

/** Rows of a table, and the number of lines that are not like one. */
export interface Parsed<Row> {
  readonly rows: ReadonlyArray<Row>
  readonly skippedLines: number
}

const colonByte = 0x3a

/** Tells how the host stores the words that the kernel prints: an address on a little-endian host is reversed. */
const isLittleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1

const swapBytes = (word: number) =>
  ((word >>> 24) | ((word >>> 8) & 0xff00) | ((word << 8) & 0xff0000) | (word << 24)) >>> 0

/** Texts of addresses: the two ends of 10,000 connections are few. */
class AddressTexts {
  private readonly littleEndian: boolean
  private readonly v4 = new Map<number, string>()
  private readonly v6 = new Map<string, string>()
  private words: readonly [number, number, number, number] = [-1, -1, -1, -1]
  private text = ""

  constructor(littleEndian: boolean) {
    this.littleEndian = littleEndian
  }

  ofIpv4(word: number): string {
    const known = this.v4.get(word)
    if (known !== undefined) return known
    const value = this.littleEndian ? swapBytes(word) : word
    const text = `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`
    this.v4.set(word, text)
    return text
  }

  ofIpv6(a: number, b: number, c: number, d: number): string {
    const [w, x, y, z] = this.words
    if (w === a && x === b && y === c && z === d) return this.text
    const key = `${a} ${b} ${c} ${d}`
    let text = this.v6.get(key)
    if (text === undefined) {
      const bytes = new Uint8Array(16)
      const view = new DataView(bytes.buffer)
      for (const [at, word] of [a, b, c, d].entries()) view.setUint32(4 * at, word, this.littleEndian)
      text = NetAddress.formatIp(NetAddress.ipv6FromBytesUnsafe(bytes))
      this.v6.set(key, text)
    }
    this.words = [a, b, c, d]
    this.text = text
    return text
  }
}

/** Reads an address of `words` times 8 digits; undefined if it has fewer. */
const readAddress = (scanner: ByteScanner, words: 1 | 4, texts: AddressTexts): string | undefined => {
  const start = scanner.at
  const a = scanner.hex(8)
  if (words === 1) return scanner.at - start === 8 ? texts.ofIpv4(a) : undefined
  const b = scanner.hex(8)
  const c = scanner.hex(8)
  const d = scanner.hex(8)
  return scanner.at - start === 32 ? texts.ofIpv6(a, b, c, d) : undefined
}

/** Reads `:` and a port of 4 digits; -1 if there is none. */
const readPort = (scanner: ByteScanner): number => {
  if (!scanner.accept(colonByte)) return -1
  const start = scanner.at
  const port = scanner.hex(4)
  return scanner.at - start === 4 && scanner.isAtWordEnd ? port : -1
}

/** Reads the first of two hexadecimal numbers and the colon behind it; -1 if there is none. */
const readPair = (scanner: ByteScanner): number => {
  scanner.skipSpaces()
  const first = scanner.hex(16)
  return scanner.accept(colonByte) ? first : -1
}

/** Reads the end of a line of UDP: references, a pointer and the dropped datagrams. */
const readDrops = (scanner: ByteScanner): number => {
  scanner.decimal()
  scanner.skipWord()
  return scanner.decimal()
}

/** The row of the current line. There is one for all lines: ten thousand objects are work for the collector. */
type CurrentRow = { -readonly [K in keyof InetRow]: InetRow[K] }

const makeRow = (): CurrentRow => ({
  localAddress: "",
  localPort: 0,
  peerAddress: "",
  peerPort: 0,
  stateCode: 0,
  sendQueue: 0,
  receiveQueue: 0,
  timerCode: 0,
  timerTicks: 0,
  retransmits: 0,
  uid: 0,
  probes: 0,
  inode: 0,
  drops: undefined
})

/** Reads the current line into `row`. Returns false if it is not one of the table. */
const readRow = (
  scanner: ByteScanner,
  words: 1 | 4,
  hasDrops: boolean,
  texts: AddressTexts,
  row: CurrentRow
): boolean => {
  if (Number.isNaN(scanner.decimal()) || !scanner.accept(colonByte)) return false
  scanner.skipSpaces()
  const localAddress = readAddress(scanner, words, texts)
  row.localPort = readPort(scanner)
  scanner.skipSpaces()
  const peerAddress = readAddress(scanner, words, texts)
  row.peerPort = readPort(scanner)
  if (localAddress === undefined || peerAddress === undefined || row.localPort < 0 || row.peerPort < 0) return false
  row.localAddress = localAddress
  row.peerAddress = peerAddress
  scanner.skipSpaces()
  row.stateCode = scanner.hex(2)
  row.sendQueue = readPair(scanner)
  row.receiveQueue = scanner.hex(8)
  row.timerCode = readPair(scanner)
  row.timerTicks = scanner.hex(16)
  scanner.skipSpaces()
  row.retransmits = scanner.hex(8)
  row.uid = scanner.decimal()
  row.probes = scanner.decimal()
  row.inode = scanner.decimal()
  const isWhole = row.stateCode >= 0 && row.sendQueue >= 0 && row.receiveQueue >= 0 && row.timerCode >= 0
  if (!isWhole || row.timerTicks < 0 || row.retransmits < 0) return false
  if (!(row.uid >= 0) || !(row.probes >= 0) || !(row.inode >= 0)) return false
  // A line that is cut within the inode has another number there, and no further fields.
  if (!scanner.isAtWordEnd || scanner.at === scanner.lineEnd) return false
  row.drops = hasDrops ? readDrops(scanner) : undefined
  return !Number.isNaN(row.drops)
}

/** Description of a table: the family of its addresses, its protocol, and the byte order of its host. */
export interface InetFormat {
  readonly family: 4 | 6
  readonly protocol: "tcp" | "udp"
  /** Default: that of this host. */
  readonly littleEndian?: boolean | undefined
}

/**
 * Parses the bytes of a table. Its first line has the titles. A line without its end is of a truncated file, and is
 * skipped with the malformed ones, and with those for which `convert` returns undefined. `convert` gets the same object
 * for each row, and takes from it what it needs.
 */
export const parse = <A>(
  bytes: Uint8Array,
  format: InetFormat,
  convert: (row: InetRow) => A | undefined
): Parsed<A> => {
  const { family, littleEndian = isLittleEndian, protocol } = format
  const scanner = new ByteScanner(bytes)
  const texts = new AddressTexts(littleEndian)
  const row = makeRow()
  const rows: Array<A> = []
  let skippedLines = 0
  while (scanner.nextLine()) {
    const isRow = scanner.isTerminated && readRow(scanner, family === 4 ? 1 : 4, protocol === "udp", texts, row)
    const converted = isRow ? convert(row) : undefined
    if (converted === undefined) skippedLines++
    else rows.push(converted)
  }
  return { rows, skippedLines }
}
