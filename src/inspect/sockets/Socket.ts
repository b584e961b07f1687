/** A socket as the table shows it, its states, and the processes that have it open. Pure. */

/** States with the names of ss(8). A UDP socket without a peer is unconnected. @category models @since 0.1.0 */
export type State = (typeof states)[number]

/** All states, in the order of the list. @category constants @since 0.1.0 */
export const states = [
  "listen",
  "unconnected",
  "established",
  "syn-sent",
  "syn-recv",
  "close-wait",
  "fin-wait-1",
  "fin-wait-2",
  "last-ack",
  "closing",
  "time-wait"
] as const

/** Address and port of one end. A port of 0 is any port. @category models @since 0.1.0 */
export interface SocketEndpoint {
  /** IP literal, such as `127.0.0.1`; an IPv4 peer of an IPv6 socket is `::ffff:127.0.0.1`. */
  readonly address: string
  readonly port: number
}

/** Timer of a TCP connection. @category models @since 0.1.0 */
export interface SocketTimer {
  /** `on` retransmits, `probe` asks a peer with a zero window, `timewait` ends the connection. */
  readonly kind: "on" | "keepalive" | "timewait" | "probe"
  readonly remainingMillis: number
  readonly retransmits: number
}

/** A process with open sockets. Its texts are those of another program: escape them before printing. */
export interface SocketProcess {
  readonly pid: number
  /** Name as the kernel has it, up to 15 bytes. */
  readonly name: string
  /** Arguments; empty for a kernel thread. */
  readonly commandLine: ReadonlyArray<string>
  readonly parentPid: number | undefined
  readonly uid: number | undefined
  readonly user: string | undefined
  readonly controlGroup: string | undefined
  /** Unit of systemd, such as `ssh.service`. */
  readonly unit: string | undefined
}

/** A process that has a socket open, and its descriptors. @category models @since 0.1.0 */
export interface SocketHolder {
  readonly owner: SocketProcess
  readonly descriptors: ReadonlyArray<number>
}

/**
 * Relation of a socket to processes.
 *
 * `open`: by those that are listed. `hidden`: permissions hide them. `unaccepted`: it waits for accept. `closed`: only
 * the kernel has it, until the connection has ended. `none`: no process has it.
 *
 * @category models
 * @since 0.1.0
 */
export type Ownership = "open" | "hidden" | "unaccepted" | "closed" | "none"

/** A socket of this host. @category models @since 0.1.0 */
export interface Socket {
  readonly protocol: "tcp" | "udp" | "unix"
  readonly state: State
  /** Type of a unix socket; undefined for others. */
  readonly type: "stream" | "dgram" | "seqpacket" | undefined
  /** Ends of a TCP or UDP socket. */
  readonly local: SocketEndpoint | undefined
  readonly peer: SocketEndpoint | undefined
  /** Path of a bound unix socket; an abstract name begins with `@`. The peer of a unix socket is not in /proc. */
  readonly path: string | undefined
  /** Bytes that the process has not read; of a listener, connections to accept. Unknown for unix sockets. */
  readonly receiveQueue: number | undefined
  /** Bytes that the peer has not acknowledged. Unknown for unix sockets. */
  readonly sendQueue: number | undefined
  /** Received datagrams that found no space. UDP only. */
  readonly drops: number | undefined
  readonly timer: SocketTimer | undefined
  /** User that created the socket; unknown for unix sockets and closed ones. */
  readonly uid: number | undefined
  readonly user: string | undefined
  /** Inode of the socket; 0 if no process has it open. */
  readonly inode: number
  /** Number of the network namespace; undefined for that of this process. */
  readonly namespace: number | undefined
  /** Name of the service: that of the port at which a server listens. */
  readonly service: string | undefined
  readonly ownership: Ownership
  readonly holders: ReadonlyArray<SocketHolder>
}

/** Sockets of a host, and remarks about what is missing. @category models @since 0.1.0 */
export interface SocketList {
  readonly sockets: ReadonlyArray<Socket>
  /** Sentences about what the list does not show, and why. */
  readonly notes: ReadonlyArray<string>
  /** Number of other network namespaces whose sockets are not listed, although they could be. */
  readonly omittedNamespaces: number
  /** Most connections that wait for accept, of any listener (somaxconn); a listener may have asked for fewer. */
  readonly maxBacklog: number | undefined
}
