/** The TFTP transfers that run, and the latest that ended. */
import { useState } from "preact/hooks"
import type * as PageState from "../../PageState.ts"
import * as TransferTotals from "../../TransferTotals.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import { Stats } from "../parts/Stats.tsx"
import { TransferTable } from "../parts/TransferTable.tsx"
import { Choice, Empty, Filter, View } from "../parts/View.tsx"
import * as Rows from "../Rows.ts"
import * as Words from "../Words.ts"

type Kind = "all" | "running" | "done" | "unfinished"

const isOf: Readonly<Record<Kind, (state: PageState.Transfer["state"]) => boolean>> = {
  all: () => true,
  running: (state) => state === "running",
  done: (state) => state === "done",
  unfinished: (state) => state !== "running" && state !== "done"
}

/** Shows the transfers of all services. */
export const TransfersView = () => {
  const { transfers } = usePage().snapshot
  const { omitted, rows } = transfers
  const [query, setQuery] = useState("")
  const [kind, setKind] = useState<Kind>("all")
  if (rows.length === 0) {
    return (
      <View title="Transfers">
        <Empty text="No file has been transferred yet.">
          A TFTP transfer appears here when it starts, and stays for a while after its end.
        </Empty>
      </View>
    )
  }
  const totals = TransferTotals.of(transfers)
  const listed = TransferTotals.ofRows(rows)
  const note = Words.leftOut(listed, totals)
  const found = Rows.filter(
    Words.latestFirst(rows.filter(({ state }) => isOf[kind](state))),
    query,
    ({ client, file, reason = "", service }) => [client, file, reason, service]
  )
  return (
    <View title="Transfers" aside={<Filter label="Filter by file or client" value={query} onChange={setQuery} />}>
      <section class="panel" aria-label="Totals of transfers">
        <Stats
          stats={[
            { name: "Running", value: Format.count(totals.running) },
            { name: "Throughput", value: Format.rate(totals.bytesPerSecond) },
            { name: "Done", value: Format.count(totals.done) },
            { name: "Not done", value: Format.count(totals.notDone), note: "refused, failed or stopped" },
            { name: "Packets sent again", value: Format.count(totals.resent) }
          ]}
        />
      </section>
      <div>
        <Choice
          label="Transfers to show"
          value={kind}
          onChange={setKind}
          values={[
            { value: "all", label: "All", count: rows.length },
            { value: "running", label: "Running", count: listed.running },
            { value: "done", label: "Done", count: listed.done },
            { value: "unfinished", label: "Not done", count: listed.notDone }
          ]}
        />
        {note !== undefined && <p class="muted small">{note}</p>}
      </div>
      {found.length === 0 && (
        <div class="panel empty">
          <p>No transfer shown here matches.</p>
        </div>
      )}
      <section class="panel" aria-label="Transfers" hidden={found.length === 0}>
        <TransferTable rows={found} omitted={omitted} />
      </section>
    </View>
  )
}
