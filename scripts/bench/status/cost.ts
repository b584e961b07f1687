/** CPU time of a packet and of a tick in a stable table, and the lower bound of a plain `Map`. */

import * as PeerTable from "../../../src/status/membership/PeerTable.ts"
import type * as Peer from "../../../src/status/Peer.ts"
import * as StatusNetwork from "../../../test/support/status/StatusNetwork.ts"

const rounds = 100

/** Makes one new heartbeat per peer, as from a socket: it shares no object with an earlier one. */
const heartbeats = (records: number, sequence: number): ReadonlyArray<Peer.Heartbeat> =>
  Array.from({ length: records }, (_, n) =>
    StatusNetwork.heartbeat({
      id: (0xfeed_0000 + n).toString(16).padStart(16, "0"),
      from: { address: `10.0.${n >> 8}.${n & 255}`, port: 2066 },
      name: `host-${n}`,
      sequence,
      payload: new Uint8Array(100)
    })
  )

const measureMicros = (work: () => void) => {
  const began = performance.now()
  work()
  return (performance.now() - began) * 1_000
}

/** Returns the microseconds per packet, without the time to make the packets. */
const perPacket = (
  records: number,
  receivePackets: (heartbeats: ReadonlyArray<Peer.Heartbeat>, sequence: number) => void
) => {
  let micros = 0
  for (let sequence = 0; sequence < rounds; sequence++) {
    const packets = heartbeats(records, sequence)
    micros += measureMicros(() => receivePackets(packets, sequence))
  }
  return micros / rounds / records
}

/** Returns the microseconds per packet, including four ticks per interval. */
export const receive = (records: number): number => {
  let table = PeerTable.make({ decode: StatusNetwork.decode }, 0)
  const packetsPerTick = Math.floor(records / 4)
  return perPacket(records, (heartbeats, sequence) => {
    for (let n = 0; n < records; n++) {
      const now = (sequence + n / records) * 900
      table = PeerTable.receive(table, heartbeats[n]!, now)[0]
      if (n % packetsPerTick === 0) table = PeerTable.tick(table, now)[0]
    }
  })
}

/** Returns the microseconds per packet of a plain `Map` that stores the latest packet of each peer. */
export const storeInMap = (records: number): number => {
  const latest = new Map<string, readonly [at: number, heartbeat: Peer.Heartbeat]>()
  return perPacket(records, (heartbeats, sequence) => {
    for (const heartbeat of heartbeats) {
      const previous = latest.get(heartbeat.id)
      if (previous === undefined || previous[1].sequence! < heartbeat.sequence!)
        latest.set(heartbeat.id, [sequence, heartbeat])
    }
  })
}

const ticks = 200

const filled = (records: number) => {
  let table = PeerTable.make({ decode: StatusNetwork.decode }, 0)
  for (const heartbeat of heartbeats(records, 0)) table = PeerTable.receive(table, heartbeat, 0)[0]
  return table
}

/** Returns the microseconds of a tick that checks all records and changes none. */
export const scan = (records: number): number => {
  const table = { ...filled(records), nextCheckAt: 0 }
  return (
    measureMicros(() => {
      for (let n = 0; n < ticks; n++) PeerTable.tick(table, 250)
    }) / ticks
  )
}

/** Returns the microseconds of the ordered list of all peers. */
export const list = (records: number): number => {
  const table = filled(records)
  return (
    measureMicros(() => {
      for (let n = 0; n < ticks; n++) PeerTable.peers(table, 250)
    }) / ticks
  )
}
