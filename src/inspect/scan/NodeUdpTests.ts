/** Datagrams that test UDP ports, each from a connected socket: the system reports ICMP errors only to those. */
import * as Dgram from "node:dgram"
import * as NodeTcpConnects from "./NodeTcpConnects.ts"
import * as NodeTestClock from "./NodeTestClock.ts"
import type { Probe } from "./PortTest.ts"
import * as UdpRequest from "./UdpRequest.ts"

// Every address is an IP literal: a synchronous answer saves each test a turn of the event loop.
const lookup: Dgram.SocketOptions["lookup"] = (name, _options, done) => done(null, name, name.includes(":") ? 6 : 4)

/** Opens tests over UDP. */
export const make = (onAnswer: NodeTcpConnects.OnAnswer): NodeTcpConnects.TcpConnects => {
  const clock = NodeTestClock.make()
  const pending = new Map<number, Dgram.Socket>()
  const close = (id: number) => {
    const socket = pending.get(id)
    pending.delete(id)
    socket?.close()
  }
  const start = ({ address, id, port }: Probe, batch: NodeTestClock.Batch) => {
    const socket = Dgram.createSocket({ type: address.includes(":") ? "udp6" : "udp4", lookup })
    pending.set(id, socket)
    const end = (code: string | undefined, isOwn = false) => {
      if (pending.get(id) !== socket) return
      close(id)
      const outcome = code === undefined ? "replied" : NodeTcpConnects.outcomeOf(code, isOwn)
      if (outcome !== undefined) onAnswer(id, outcome, clock.rttMillis(batch))
    }
    const fail = (error: Error | null, isOwn?: boolean) => {
      if (error !== null) end((error as NodeJS.ErrnoException).code ?? "", isOwn)
    }
    socket.on("error", (error) => fail(error))
    socket.on("message", () => end(undefined))
    socket.connect(port, address, ((error?: Error) => {
      if (pending.get(id) !== socket) return
      if (error === undefined) socket.send(UdpRequest.forPort(port), (error) => fail(error))
      else fail(error, true)
    }) as () => void)
  }
  return {
    start: (probes) =>
      clock.startBatch((batch) => {
        for (const probe of probes) start(probe, batch)
      }),
    cancel: close,
    closeAll: () => {
      for (const id of [...pending.keys()]) close(id)
    }
  }
}
