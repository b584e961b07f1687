/**
 * TCP connections that only test if a port is open. They are opened on libuv's handles, which Node does not document,
 * or else over `node:net`.
 *
 * A connection of `node:net` takes five times the processor of one on a handle: a stream, a parser of addresses, a
 * dozen listeners and several turns of the event loop, of which a test uses none. This module imports no effect, so
 * that it starts fast in a thread.
 */
import * as Net from "node:net"
import * as NodeTestClock from "./NodeTestClock.ts"
import type { Outcome, Probe } from "./PortTest.ts"

/** A handle of libuv for a TCP socket. */
interface Handle {
  readonly connect: (request: ConnectRequest, address: string, port: number) => number
  readonly connect6: (request: ConnectRequest, address: string, port: number) => number
  readonly close: () => void
  /** Closes with RST: the port is free at once. */
  readonly reset?: () => number
  readonly getsockname: (into: { address?: string; port?: number }) => number
}

interface ConnectRequest {
  oncomplete: (this: ConnectRequest, status: number) => void
  /** Id of the test. */
  testId: number
}

interface Binding {
  readonly TCP: new (type: number) => Handle
  readonly TCPConnectWrap: new () => ConnectRequest
  readonly constants: { readonly SOCKET: number }
}

/** Returns the binding of Node's own sockets; undefined where it is not available or not as expected. */
const loadBinding = (): Binding | undefined => {
  try {
    const { binding } = process as unknown as { readonly binding?: (name: string) => Partial<Binding> }
    const found = binding?.call(process, "tcp_wrap")
    const prototype = (found?.TCP?.prototype ?? {}) as Partial<Handle>
    const isKnown =
      typeof found?.TCPConnectWrap === "function" &&
      typeof found.constants?.SOCKET === "number" &&
      [prototype.connect, prototype.connect6, prototype.close, prototype.getsockname].every(
        (method) => typeof method === "function"
      )
    return isKnown ? (found as Binding) : undefined
  } catch {
    return undefined
  }
}

/** Error codes of libuv, which are those of the system, negative. */
const outcomes: Readonly<Record<string, Outcome>> = {
  ECONNREFUSED: "refused",
  // The server had accepted the connection before it reset it: a port that refuses gives ECONNREFUSED.
  ECONNRESET: "accepted",
  EPIPE: "accepted",
  EHOSTUNREACH: "hostUnreachable",
  EHOSTDOWN: "hostUnreachable",
  ENETUNREACH: "netUnreachable",
  ENETDOWN: "netUnreachable",
  EACCES: "prohibited",
  EPERM: "notPermitted",
  EINVAL: "notPermitted",
  ENOPROTOOPT: "prohibited",
  EPROTO: "hostUnreachable",
  EMFILE: "noResource",
  ENFILE: "noResource",
  ENOBUFS: "noResource",
  ENOMEM: "noResource",
  EAGAIN: "noResource",
  EADDRINUSE: "noResource",
  EADDRNOTAVAIL: "noResource"
}

/**
 * Returns the outcome of a system error; undefined for one that is not an answer, such as a timeout. `isOwn` is true
 * for an error that no ICMP packet has caused: over IPv6 one of these has the code of a refusal by this host.
 */
export const outcomeOf = (code: string, isOwn: boolean): Outcome | undefined =>
  isOwn && code === "EACCES" ? "notPermitted" : outcomes[code]

/** Connections that are being opened. */
export interface TcpConnects {
  /** Starts tests together. */
  readonly start: (probes: ReadonlyArray<Probe>) => void
  readonly cancel: (id: number) => void
  readonly closeAll: () => void
}

/** Receives an answer. */
export type OnAnswer = (id: number, outcome: Outcome, rttMillis: number) => void

const isIpv6 = (address: string) => address.includes(":")

const isSame = (one: string | undefined, other: string) => one === other || one === other.replace(/%.*$/, "")

/** Connects on handles of libuv. */
const overHandles = (
  { TCP, TCPConnectWrap, constants }: Binding,
  nameOf: (status: number) => string,
  onAnswer: OnAnswer
) => {
  const clock = NodeTestClock.make()
  const pending = new Map<number, readonly [Handle, Probe, NodeTestClock.Batch]>()
  /** Tests if the connection is one to itself, which TCP allows where both ports are the same. */
  const isOwn = (handle: Handle, { address, port }: Probe) => {
    const own: { address?: string; port?: number } = {}
    return handle.getsockname(own) === 0 && own.port === port && isSame(own.address, address)
  }
  const oncomplete: ConnectRequest["oncomplete"] = function (status) {
    const found = pending.get(this.testId)
    if (found === undefined) return
    pending.delete(this.testId)
    const [handle, probe, batch] = found
    const rttMillis = clock.rttMillis(batch)
    if (status !== 0) {
      handle.close()
      const outcome = outcomeOf(nameOf(status), !isIpv6(probe.address))
      if (outcome !== undefined) onAnswer(this.testId, outcome, rttMillis)
      return
    }
    const outcome = isOwn(handle, probe) ? "refused" : "accepted"
    if (handle.reset?.() !== 0) handle.close()
    onAnswer(this.testId, outcome, rttMillis)
  }
  const start = (probe: Probe, batch: NodeTestClock.Batch) => {
    const handle = new TCP(constants.SOCKET)
    const request = new TCPConnectWrap()
    request.oncomplete = oncomplete
    request.testId = probe.id
    const { address, id, port } = probe
    const status = isIpv6(address) ? handle.connect6(request, address, port) : handle.connect(request, address, port)
    if (status === 0) return void pending.set(id, [handle, probe, batch])
    handle.close()
    const outcome = outcomeOf(nameOf(status), true)
    if (outcome !== undefined) onAnswer(id, outcome, 0)
  }
  const connects: TcpConnects = {
    start: (probes) =>
      clock.startBatch((batch) => {
        for (const probe of probes) start(probe, batch)
      }),
    cancel: (id) => {
      pending.get(id)?.[0].close()
      pending.delete(id)
    },
    closeAll: () => {
      for (const [handle] of pending.values()) handle.close()
      pending.clear()
    }
  }
  return connects
}

/** Connects over `node:net`. */
const overSockets = (onAnswer: OnAnswer): TcpConnects => {
  const clock = NodeTestClock.make()
  const pending = new Map<number, { readonly socket: Net.Socket; readonly batch: NodeTestClock.Batch }>()
  const end = (id: number, socket: Net.Socket, outcome: Outcome | undefined) => {
    const found = pending.get(id)
    if (found?.socket !== socket) return
    pending.delete(id)
    socket.resetAndDestroy()
    if (outcome !== undefined) onAnswer(id, outcome, clock.rttMillis(found.batch))
  }
  const start = ({ address, id, port }: Probe, batch: NodeTestClock.Batch) => {
    const socket = Net.connect({ host: address, port, autoSelectFamily: false })
    pending.set(id, { socket, batch })
    socket.on("error", (error: NodeJS.ErrnoException) => end(id, socket, outcomeOf(error.code ?? "", !isIpv6(address))))
    socket.on("connect", () => {
      const isOwn = socket.localPort === port && isSame(socket.localAddress, address)
      end(id, socket, isOwn ? "refused" : "accepted")
    })
  }
  return {
    start: (probes) =>
      clock.startBatch((batch) => {
        for (const probe of probes) start(probe, batch)
      }),
    cancel: (id) => {
      pending.get(id)?.socket.destroy()
      pending.delete(id)
    },
    closeAll: () => {
      for (const { socket } of pending.values()) socket.destroy()
      pending.clear()
    }
  }
}

/** Opens connections; `withHandles` false selects `node:net`. */
export const make = (nameOf: (status: number) => string, onAnswer: OnAnswer, withHandles = true): TcpConnects => {
  const binding = withHandles ? loadBinding() : undefined
  return binding === undefined ? overSockets(onAnswer) : overHandles(binding, nameOf, onAnswer)
}
