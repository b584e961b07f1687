/** The peers of the status service, for the page. */
import * as Effect from "effect/Effect"
import * as Endpoint from "../../network/Endpoint.ts"
import type * as HostStatus from "../../status/HostStatus.ts"
import type * as Peer from "../../status/Peer.ts"
import type * as StatusPeer from "../../status/StatusPeer.ts"
import type * as PageState from "../PageState.ts"
import * as Rows from "./Rows.ts"

type HostPeer = Peer.Peer<HostStatus.HostStatus>

/** Steps of the ages: with exact ones, each row would change with each sample. */
const ageStepMillis = 1_000

type Details = Pick<PageState.Peer, "host" | "load" | "memoryFree" | "memoryTotal" | "uptimeSeconds" | "x" | "y">

const detailsOf = ({ host, load, memory, uptime, x, y }: HostStatus.HostStatus): Details => ({
  ...(host === undefined ? {} : { host: Rows.text(host) }),
  ...(uptime === undefined ? {} : { uptimeSeconds: Math.floor(uptime) }),
  ...(load === undefined ? {} : { load }),
  ...(memory === undefined ? {} : { memoryTotal: memory.total, memoryFree: memory.free }),
  ...{ x, y }
})

/** Returns the row of a peer. Its age is rounded down to seconds. */
export const rowOf = (service: string, peer: HostPeer): PageState.Peer => {
  const { address, age, conflict, id, interval, missed, name, payload, self, state } = peer
  return {
    ...{ service, id: Rows.text(id), name: Rows.text(name), address: Rows.text(Endpoint.format(address)) },
    ...{ state, self, conflict, missed, intervalMillis: interval },
    ageMillis: Math.floor(Math.max(0, age) / ageStepMillis) * ageStepMillis,
    ...(payload === undefined ? {} : detailsOf(payload))
  }
}

/** Returns true for a peer that is shown in any case: this one, and those that need attention. */
const isNotable = ({ conflict, self, state }: HostPeer) => self || conflict || state === "suspect" || state === "down"

/** Returns the peers to show, in their order. Of too many those are left out first that are well, or have left. */
export const choose = (peers: ReadonlyArray<HostPeer>): Rows.Rows<HostPeer> => {
  if (peers.length <= Rows.maxRows) return Rows.cut(peers)
  const byRank = new Set([...peers.filter(isNotable), ...peers])
  const chosen = new Set([...byRank].slice(0, Rows.maxRows))
  return { rows: peers.filter((peer) => chosen.has(peer)), omitted: peers.length - chosen.size }
}

/** Makes the source of the peers that one peer knows, itself included. */
export const make = (service: string, peer: Pick<StatusPeer.StatusPeer<HostStatus.HostStatus>, "peers">) => ({
  peers: Effect.map(peer.peers.get, (all) => {
    const { omitted, rows } = choose(all)
    return { rows: rows.map((one) => rowOf(service, one)), omitted }
  })
})
