/** Kinds of open descriptors, and the local port or path of sockets. */
import * as Fs from "node:fs"
import * as Tty from "node:tty"
import type * as NetAddress from "effect/net/NetAddress"

/** Kind of the file or socket behind a descriptor. */
export type DescriptorKind =
  | { readonly _tag: "TcpListener" | "Udp"; readonly family: NetAddress.IpFamily; readonly port: number }
  | { readonly _tag: "UnixListener"; readonly path: string }
  /** A socket that does not listen: a connection. */
  | { readonly _tag: "Stream" }
  /** A unix socket without a path, as of `socketpair`: a connection, or a pipe as Node makes them for its children. */
  | { readonly _tag: "SocketPair" }
  | { readonly _tag: "Pipe" }
  | { readonly _tag: "Terminal" }
  /** A file, a directory, another kind of socket, or nothing. */
  | { readonly _tag: "Other" }

/** Tables of sockets, which the kernel lists by their inode. */
interface SocketTables {
  readonly tcp: string
  readonly tcp6: string
  readonly udp: string
  readonly udp6: string
  readonly unix: string
}

const listenState = "0A"

/** Flag of a unix socket that listens (`__SO_ACCEPTCON`). */
const acceptConnections = 0x1_0000
const streamType = "0001"

const rowsOf = (table: string) => table.split("\n").map((line) => line.trim().split(/\s+/))

/** Finds an IP socket in the text of /proc/net/tcp, tcp6, udp or udp6. */
const findInet = (table: string, inode: string) => {
  const row = rowsOf(table).find((columns) => columns[9] === inode)
  const port = Number.parseInt(row?.[1]?.split(":")[1] ?? "", 16)
  return Number.isNaN(port) ? undefined : { port, state: row![3] }
}

/** Returns the kind of a socket from its inode and the kernel's tables. Pure. */
export const kindOfSocket = (inode: string, tables: SocketTables): DescriptorKind => {
  for (const family of ["IPv4", "IPv6"] as const) {
    const tcp = findInet(family === "IPv4" ? tables.tcp : tables.tcp6, inode)
    if (tcp !== undefined)
      return tcp.state === listenState ? { _tag: "TcpListener", family, port: tcp.port } : { _tag: "Stream" }
    const udp = findInet(family === "IPv4" ? tables.udp : tables.udp6, inode)
    if (udp !== undefined) return { _tag: "Udp", family, port: udp.port }
  }
  const unix = rowsOf(tables.unix).find((columns) => columns[6] === inode)
  if (unix === undefined) return { _tag: "Stream" }
  const [, , , flags = "", type, , , ...path] = unix
  if (type !== streamType) return { _tag: "Other" }
  if (Number.parseInt(flags, 16) & acceptConnections) return { _tag: "UnixListener", path: path.join(" ") }
  return { _tag: path.length === 0 ? "SocketPair" : "Stream" }
}

const readTable = (name: keyof SocketTables) => {
  try {
    return Fs.readFileSync(`/proc/self/net/${name}`, "utf8")
  } catch {
    // Without IPv6, or without /proc: no socket is found, and each one is a connection.
    return ""
  }
}

/** Returns the kind of an open descriptor of this process. */
export const kindOf = (fd: number): DescriptorKind => {
  try {
    if (Tty.isatty(fd)) return { _tag: "Terminal" }
    const stats = Fs.fstatSync(fd)
    if (stats.isFIFO()) return { _tag: "Pipe" }
    if (!stats.isSocket()) return { _tag: "Other" }
    const [tcp, tcp6, udp, udp6, unix] = (["tcp", "tcp6", "udp", "udp6", "unix"] as const).map(readTable)
    return kindOfSocket(String(stats.ino), { tcp: tcp!, tcp6: tcp6!, udp: udp!, udp6: udp6!, unix: unix! })
  } catch {
    return { _tag: "Other" }
  }
}

/** Tests if two descriptors refer to the same socket, pipe or file. */
export const areSame = (one: number, other: number): boolean => {
  try {
    const [a, b] = [Fs.fstatSync(one), Fs.fstatSync(other)]
    return a.dev === b.dev && a.ino === b.ino
  } catch {
    return false
  }
}
