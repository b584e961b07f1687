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

const usedMemory = ({ memoryFree, memoryTotal }: Peer): number | undefined =>
  memoryTotal === undefined || memoryFree === undefined || memoryTotal <= 0
    ? undefined
    : Words.fraction(memoryTotal - memoryFree, memoryTotal)

const Memory = (peer: Peer) => {
  const used = usedMemory(peer)
  return used === undefined ? <span class="muted">unknown</span> : <Share fraction={used} />
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
        <span class="muted">own</span>
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
    cell: ({ missed }) => (missed === 0 ? <span class="muted">0</span> : Format.count(missed)),
    sortBy: ({ missed }) => missed
  },
  {
    title: "Load",
    isNumber: true,
    from: "tablet",
    cell: ({ load }) =>
      load === undefined ? <span class="muted">unknown</span> : load.map((average) => average.toFixed(2)).join("  "),
    sortBy: ({ load }) => load?.[0] ?? -1
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
    cell: ({ uptimeSeconds }) =>
      uptimeSeconds === undefined ? <span class="muted">unknown</span> : Format.age(uptimeSeconds * 1_000),
    sortBy: ({ uptimeSeconds }) => uptimeSeconds ?? -1
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
