/** A minimal server: serves reads only, in lock-step and without timers, with a chosen rollover. */

import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type * as Endpoint from "../../../src/network/Endpoint.ts"
import type * as Network from "../../../src/network/Network.ts"
import * as BlockNumber from "../../../src/tftp/protocol/BlockNumber.ts"
import * as Packet from "../../../src/tftp/protocol/Packet.ts"
import { Hosts } from "../Hosts.ts"

/** Serves the bytes under any name in blocks of 8 bytes; resends a block for a repeated ACK. */
export const serve = Effect.fnUntraced(function* (bytes: Uint8Array, rollover: 0 | 1) {
  const { network, address } = (yield* Hosts).server
  const last = Math.floor(bytes.length / 8) + 1
  let block = 0
  const send = (packet: Packet.Packet, to: Endpoint.Endpoint) => socket.sendUnsafe(Packet.encode(packet), to)
  const socket: Network.UdpSocket = yield* network.udp({ host: address }, (datagram, from) => {
    const packet = Result.getOrUndefined(Packet.decode(datagram))
    if (packet?._tag === "RRQ") {
      block = 0
      return send({ _tag: "OACK", options: [["blksize", "8"]] }, from)
    }
    if (packet?._tag !== "ACK") return
    if (packet.block === BlockNumber.toWire(rollover, block)) block++
    if (block > last) return
    const data = bytes.subarray((block - 1) * 8, block * 8)
    send({ _tag: "DATA", block: BlockNumber.toWire(rollover, block), bytes: data }, from)
  })
  return { address, port: socket.local.port }
})
