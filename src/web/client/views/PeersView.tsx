/** The peers of the status services. */
import { useState } from "preact/hooks"
import type * as PageState from "../../PageState.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import { Clip } from "../parts/Clip.tsx"
import { type Column, DataTable } from "../parts/DataTable.tsx"
import { Badge } from "../parts/Mark.tsx"
import { PeerPlane } from "../parts/PeerPlane.tsx"
import { Share } from "../parts/Progress.tsx"
import { Stats } from "../parts/Stats.tsx"
import { Empty, Filter, View } from "../parts/View.tsx"
import * as Rows from "../Rows.ts"
import * as Words from "../Words.ts"

type Peer = PageState.Peer

const Name = ({ address, conflict, host, name, self, state }: Peer) => (
  <div class="cell-lines">
    <span class="row">
      <Clip text={name} />
      {self && <span class="badge">this process</span>}
      {conflict && <Badge tone="warn">conflict</Badge>}
    </span>
    <span class="muted small clip">
      <bdi class="mono">{address}</bdi>
      {host !== undefined && host !== name && (
        <>
          {" "}
          on <bdi>{host}</bdi>
        </>
      )}
    </span>
    <span class="below-tablet">
      <Badge tone={Words.peerTones[state]}>{state}</Badge>
    </span>
  </div>
)

const stateOrder: ReadonlyArray<Peer["state"]> = ["alive", "suspect", "down", "left"]

/** Shows that a figure has no value: of a peer that is gone, or that does not send it. */
const None = ({ state }: Peer) => <span class="muted">{state === "down" || state === "left" ? "–" : "unknown"}</span>

const usedMemory = (peer: Peer): number | undefined => {
  const { memoryFree, memoryTotal } = Words.peerFigures(peer)
  return memoryTotal === undefined || memoryFree === undefined || memoryTotal <= 0
    ? undefined
    : Words.fraction(memoryTotal - memoryFree, memoryTotal)
}

const Memory = (peer: Peer) => {
  const used = usedMemory(peer)
  return used === undefined ? <None {...peer} /> : <Share fraction={used} />
}

const Missed = (peer: Peer) => {
  const { missed } = Words.peerFigures(peer)
  if (missed === undefined || peer.self) return <span class="muted">–</span>
  return missed === 0 ? <span class="muted">0</span> : Format.count(missed)
}

const Load = (peer: Peer) => {
  const { load } = Words.peerFigures(peer)
  return load === undefined ? <None {...peer} /> : load.map(Format.load).join("  ")
}

const UpFor = (peer: Peer) => {
  const { uptimeSeconds } = Words.peerFigures(peer)
  return uptimeSeconds === undefined ? <None {...peer} /> : Format.age(uptimeSeconds * 1_000)
}

const columns: ReadonlyArray<Column<Peer>> = [
  { title: "Peer", cell: (row) => <Name {...row} />, sortBy: ({ name }) => name },
  {
    title: "State",
    from: "tablet",
    cell: ({ state }) => <Badge tone={Words.peerTones[state]}>{state}</Badge>,
    sortBy: ({ state }) => stateOrder.indexOf(state)
  },
  {
    title: "Last packet",
    isNumber: true,
    cell: ({ ageMillis, intervalMillis, self }) =>
      self ? (
        <span class="muted">this process</span>
      ) : (
        <div class="cell-lines">
          <span>{Format.age(ageMillis)} ago</span>
          <span class="muted small">every {Format.duration(intervalMillis)}</span>
        </div>
      ),
    sortBy: ({ ageMillis, self }) => (self ? -1 : ageMillis)
  },
  {
    title: "Missed",
    isNumber: true,
    cell: (row) => <Missed {...row} />,
    sortBy: (row) => Words.peerFigures(row).missed ?? -1
  },
  {
    title: "Load",
    isNumber: true,
    from: "tablet",
    cell: (row) => <Load {...row} />,
    sortBy: (row) => Words.peerFigures(row).load?.[0] ?? -1
  },
  {
    title: "Memory in use",
    from: "desktop",
    cell: (row) => <Memory {...row} />,
    sortBy: (row) => usedMemory(row) ?? -1
  },
  {
    title: "Up for",
    isNumber: true,
    from: "desktop",
    cell: (row) => <UpFor {...row} />,
    sortBy: (row) => Words.peerFigures(row).uptimeSeconds ?? -1
  }
]

/** Shows the peers of all status services. */
export const PeersView = () => {
  const { omitted, rows } = usePage().snapshot.peers
  const [query, setQuery] = useState("")
  if (rows.length === 0) {
    return (
      <View title="Peers">
        <Empty text="No peer is known.">
          A peer appears here with its first status packet. Start one with <code>effect-inet status</code> on this
          network.
        </Empty>
      </View>
    )
  }
  const counted = (state: Peer["state"]) => Format.count(rows.filter((row) => row.state === state).length)
  const found = Rows.filter(rows, query, ({ address, host = "", id, name }) => [address, host, id, name])
  return (
    <View title="Peers" aside={<Filter label="Filter by name or address" value={query} onChange={setQuery} />}>
      <section class="panel" aria-label="Peers by state">
        <Stats
          stats={[
            { name: "Alive", value: counted("alive") },
            { name: "Suspect", value: counted("suspect") },
            { name: "Down", value: counted("down") },
            { name: "Left", value: counted("left") }
          ]}
        />
      </section>
      {found.length === 0 && (
        <div class="panel empty">
          <p>No peer shown here matches the filter.</p>
        </div>
      )}
      <section class="panel" aria-label="Peers" hidden={found.length === 0}>
        <DataTable
          caption="Peers of the status services"
          columns={columns}
          rows={found}
          keyOf={({ id, service }) => `${service} ${id}`}
          omitted={omitted}
        />
      </section>
      <PeerPlane peers={found} />
    </View>
  )
}
