/** All open connections. */
import { useState } from "preact/hooks"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import { ConnectionTable } from "../parts/ConnectionTable.tsx"
import { Empty, Filter, View } from "../parts/View.tsx"
import * as Rows from "../Rows.ts"

/** Shows the open connections of all services. */
export const ConnectionsView = () => {
  const { omitted, rows } = usePage().snapshot.connections
  const [query, setQuery] = useState("")
  if (rows.length === 0) {
    return (
      <View title="Connections">
        <Empty text="No client is connected.">
          A connection appears here while it is open. The card of a service on the <a href="#/">overview</a> has a
          command to try it.
        </Empty>
      </View>
    )
  }
  const found = Rows.filter(rows, query, ({ remote, service }) => [remote, service])
  const total = rows.length + omitted
  return (
    <View
      title={
        <>
          Connections <span class="title-count">{Format.count(total)}</span>
        </>
      }
      aside={<Filter label="Filter by client or service" value={query} onChange={setQuery} />}
    >
      {found.length === 0 && (
        <div class="panel empty">
          <p>No connection shown here matches the filter.</p>
        </div>
      )}
      <section class="panel" aria-label="Open connections" hidden={found.length === 0}>
        <ConnectionTable rows={found} omitted={omitted} hasService />
      </section>
    </View>
  )
}
