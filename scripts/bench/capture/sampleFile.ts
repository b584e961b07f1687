/** A large capture file for measurements: TCP connections that transfer data, and datagrams between them. */
import * as Fs from "node:fs"
import * as Ip from "../../../src/capture/Ip.ts"

const connections = 500
const segmentBytes = 1_448
const flags = { fin: 1, syn: 2, psh: 8, ack: 16 } as const

const ethernet = Uint8Array.of(2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0)

const server: Ip.IpEndpoint = { address: Uint8Array.of(192, 0, 2, 1), port: 80 }
const clientOf = (i: number): Ip.IpEndpoint => ({
  address: Uint8Array.of(10, 0, i >> 8, i & 0xff),
  port: 40_000 + i
})

/** Sequence numbers of both ends of a connection. */
interface Connection {
  readonly client: Ip.IpEndpoint
  clientNext: number
  serverNext: number
}

/** Returns the packets of one turn of a connection: two segments of the server, and the client's acknowledgement. */
const turn = (connection: Connection, payload: Uint8Array, id: number): ReadonlyArray<Ip.Packet> => {
  const { client, clientNext } = connection
  const options = new Uint8Array(0)
  const segment = (bits: number) => {
    const tcp = { seq: connection.serverNext, ack: clientNext, flags: flags.ack | bits, window: 65_535, options }
    connection.serverNext = (connection.serverNext + payload.length) >>> 0
    return { from: server, to: client, payload, tcp, id }
  }
  const data = [segment(0), segment(flags.psh)]
  const tcp = { seq: clientNext, ack: connection.serverNext, flags: flags.ack, window: 65_535, options }
  return [...data, { from: client, to: server, payload: options, tcp, id }]
}

/** Returns the handshake of a connection. */
const handshake = ({ client, clientNext, serverNext }: Connection): ReadonlyArray<Ip.Packet> => {
  const payload = new Uint8Array(0)
  const header = (seq: number, ack: number, bits: number) => {
    const options = (bits & flags.syn) === 0 ? payload : Ip.synOptions(4)
    return { seq: seq >>> 0, ack, flags: bits, window: 65_535, options }
  }
  return [
    { from: client, to: server, payload, id: 0, tcp: header(clientNext - 1, 0, flags.syn) },
    { from: server, to: client, payload, id: 0, tcp: header(serverNext - 1, clientNext, flags.syn | flags.ack) },
    { from: client, to: server, payload, id: 0, tcp: header(clientNext, serverNext, flags.ack) }
  ]
}

const fileHeader = () => {
  const view = new DataView(new ArrayBuffer(24))
  view.setUint32(0, 0xa1b2c3d4)
  view.setUint16(4, 2)
  view.setUint16(6, 4)
  view.setUint32(16, 262_144)
  view.setUint32(20, 1)
  return new Uint8Array(view.buffer)
}

/** Writes a pcap file of at least `bytes` bytes, and returns its number of packets. */
export const write = (path: string, bytes: number): number => {
  const file = Fs.openSync(path, "w")
  const all: Array<Connection> = Array.from({ length: connections }, (_, i) => ({
    client: clientOf(i),
    clientNext: 1_000 * i + 1,
    serverNext: 7_000 * i + 1
  }))
  const payload = Uint8Array.from({ length: segmentBytes }, (_, i) => 32 + (i % 90))
  const datagram = payload.subarray(0, 60)
  let [packets, written, micros] = [0, Fs.writeSync(file, fileHeader()), 1_700_000_000_000_000]
  let buffered: Array<Uint8Array> = []
  const record = (packet: Ip.Packet) => {
    const ip = Ip.encode(packet)
    const view = new DataView(new ArrayBuffer(16))
    view.setUint32(0, Math.floor(micros / 1e6))
    view.setUint32(4, micros % 1e6)
    view.setUint32(8, ethernet.length + ip.length)
    view.setUint32(12, ethernet.length + ip.length)
    micros += 20
    packets++
    buffered.push(new Uint8Array(view.buffer), ethernet, ip)
  }
  for (const connection of all) for (const packet of handshake(connection)) record(packet)
  for (let i = 0; written < bytes; i++) {
    const connection = all[(i * 7) % connections]!
    for (const packet of turn(connection, payload, i)) record(packet)
    // A question and its answer, short packets as of DNS, for each turn of TCP.
    record({
      from: { ...connection.client, port: 50_000 + (i % 1_000) },
      to: { ...server, port: 9_999 },
      payload: datagram,
      id: i
    })
    record({
      from: { ...server, port: 9_999 },
      to: { ...connection.client, port: 50_000 + (i % 1_000) },
      payload: datagram,
      id: i
    })
    if (buffered.length < 3_000) continue
    written += Fs.writevSync(file, buffered)
    buffered = []
  }
  if (buffered.length > 0) Fs.writevSync(file, buffered)
  Fs.closeSync(file)
  return packets
}
