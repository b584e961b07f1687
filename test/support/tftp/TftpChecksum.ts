/**
 * A replacement for the UDP checksum. A simulated network delivers packets that a fault has changed, and TFTP cannot
 * detect them; on a real network the kernel drops them. A network with this checksum drops them, too.
 */
import * as Effect from "effect/Effect"
import type * as Network from "../../../src/network/Network.ts"
import type * as Packet from "../../../src/network/Packet.ts"
import * as Dissector from "../../../src/tftp/protocol/Dissector.ts"

/** Bytes of the checksum. */
const length = 4

const sum = (bytes: Uint8Array, end: number): number => {
  let state = end
  for (let i = 0; i < end; i++) state = Math.imul(state ^ bytes[i]!, 0x01000193) ^ (state >>> 15)
  return state >>> 0
}

const sealed = (bytes: Uint8Array): Uint8Array => {
  const all = new Uint8Array(bytes.length + length)
  all.set(bytes)
  new DataView(all.buffer).setUint32(bytes.length, sum(bytes, bytes.length))
  return all
}

const opened = (bytes: Uint8Array): Uint8Array | undefined => {
  const end = bytes.length - length
  if (end < 0) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return view.getUint32(end) === sum(bytes, end) ? bytes.subarray(0, end) : undefined
}

/** Wraps a network: appends a checksum to every datagram, and drops those with a wrong one. */
export const withChecksum = (network: Network.Network["Service"]): Network.Network["Service"] => ({
  ...network,
  udp: (options, onDatagram, onError) =>
    Effect.map(
      network.udp(
        options,
        (bytes, from) => {
          const plain = opened(bytes)
          if (plain !== undefined) onDatagram(plain, from)
        },
        onError
      ),
      (socket) => ({
        ...socket,
        send: (bytes, to) => socket.send(sealed(bytes), to),
        sendUnsafe: (bytes, to) => socket.sendUnsafe(sealed(bytes), to)
      })
    )
})

/** The dissector of TFTP packets followed by a checksum. */
export const dissector: Packet.Dissector = {
  ...Dissector.dissector,
  dissect: (packet) =>
    packet.bytes.length < length
      ? undefined
      : Dissector.dissector.dissect({ ...packet, bytes: packet.bytes.subarray(0, -length) })
}
