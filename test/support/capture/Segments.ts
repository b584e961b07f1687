/** TCP segments of one connection as captured packets, written in one line each. */
import type * as TcpAnalysis from "../../../src/capture/analysis/TcpAnalysis.ts"
import * as Ip from "../../../src/capture/Ip.ts"

export const client = { address: "10.0.0.1", port: 40_000 }
export const server = { address: "10.0.0.2", port: 80 }

const flags = { S: Ip.flag.syn, A: Ip.flag.ack, F: Ip.flag.fin, R: Ip.flag.rst, P: Ip.flag.psh } as const

/** A segment: sender, flags as letters, numbers relative to 1,000 of the client and 5,000 of the server. */
export interface Segment {
  readonly from: "client" | "server"
  readonly flags: string
  readonly seq: number
  readonly ack?: number
  readonly length?: number
  readonly text?: string
  readonly window?: number
  readonly options?: ReadonlyArray<number>
  /** Time in milliseconds. */
  readonly at?: number
  readonly missingBytes?: number
}

const bases = { client: 1_000, server: 5_000 } as const

/** Makes packets, numbered from 1; a packet without a time is 1 ms after the one before. */
export const packets = (segments: ReadonlyArray<Segment>): ReadonlyArray<TcpAnalysis.Packet> => {
  let time = 0
  return segments.map((segment, index) => {
    time = segment.at ?? time + 1
    const isClient = segment.from === "client"
    const payload =
      segment.text === undefined ? new Uint8Array(segment.length ?? 0) : new TextEncoder().encode(segment.text)
    const [own, peer] = isClient ? [bases.client, bases.server] : [bases.server, bases.client]
    return {
      number: index + 1,
      at: BigInt(Math.round(time * 1_000)) * 1_000n,
      protocol: "TCP",
      from: isClient ? client : server,
      to: isClient ? server : client,
      payload,
      missingBytes: segment.missingBytes,
      originalLength: 54 + payload.length,
      tcp: {
        seq: own + segment.seq,
        ack: segment.ack === undefined ? 0 : peer + segment.ack,
        flags: Array.from(segment.flags, (one) => flags[one as keyof typeof flags]).reduce((all, bit) => all | bit, 0),
        window: segment.window ?? 500,
        options: Uint8Array.from(segment.options ?? [])
      }
    }
  })
}

/** A handshake of 10 ms. */
export const handshake: ReadonlyArray<Segment> = [
  { from: "client", flags: "S", seq: 0, at: 0 },
  { from: "server", flags: "SA", seq: 0, ack: 1, at: 10 },
  { from: "client", flags: "A", seq: 1, ack: 1, at: 10 }
]
