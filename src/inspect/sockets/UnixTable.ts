/** Parser of /proc/net/unix. Pure: it never throws, and counts the lines that it cannot read. */
import { ByteScanner } from "./ByteScanner.ts"
import type { Parsed } from "./InetTable.ts"

/** A line of the table, with the numbers of the kernel. */
export interface UnixRow {
  /** Flags of the socket; one bit says that it listens. */
  readonly flags: number
  /** Type of the socket: 1 stream, 2 datagram, 5 sequenced packets. */
  readonly typeCode: number
  /** State as the kernel numbers it: 1 unconnected, 2 connecting, 3 connected, 4 disconnecting. */
  readonly stateCode: number
  /** Inode of the socket; 0 for a connection that the listener has not accepted. */
  readonly inode: number
  /** Path of the bound socket; an abstract name begins with `@`, where the kernel has a zero byte. */
  readonly path: string | undefined
}

const colonByte = 0x3a
const spaceByte = 0x20

const utf8 = new TextDecoder()

/** Reads the current line; undefined if it is not one of the table. */
const readRow = (scanner: ByteScanner): UnixRow | undefined => {
  if (scanner.hex(16) < 0 || !scanner.accept(colonByte)) return undefined
  const fields: Array<number> = []
  for (let field = 0; field < 5; field++) {
    scanner.skipSpaces()
    fields.push(scanner.hex(8))
    if (!scanner.isAtWordEnd) return undefined
  }
  const [references = -1, , flags = -1, typeCode = -1, stateCode = -1] = fields
  const inode = scanner.decimal()
  if (references < 0 || flags < 0 || typeCode < 0 || stateCode < 0 || !(inode >= 0) || !scanner.isAtWordEnd) {
    return undefined
  }
  const path = scanner.accept(spaceByte) ? utf8.decode(scanner.bytes.subarray(scanner.at, scanner.lineEnd)) : undefined
  return { flags, typeCode, stateCode, inode, path }
}

/**
 * Parses the bytes of the table. Its first line has the titles. The kernel prints a path or an abstract name as it is:
 * one with an LF in it continues on a line that is skipped, as are rows for which `convert` returns undefined. The rest
 * of a name that has the form of a row cannot be told from one.
 */
export const parse = <A>(bytes: Uint8Array, convert: (row: UnixRow) => A | undefined): Parsed<A> => {
  const scanner = new ByteScanner(bytes)
  const rows: Array<A> = []
  let skippedLines = 0
  while (scanner.nextLine()) {
    const row = scanner.isTerminated ? readRow(scanner) : undefined
    const converted = row === undefined ? undefined : convert(row)
    if (converted === undefined) skippedLines++
    else rows.push(converted)
  }
  return { rows, skippedLines }
}
