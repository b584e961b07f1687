/** The overview: whether everything runs, and what happens now. */

import * as TransferTotals from "../../TransferTotals.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import { Mark } from "../parts/Mark.tsx"
import { Now } from "../parts/Now.tsx"
import { ServiceCard } from "../parts/ServiceCard.tsx"
import { type Stat, Stats } from "../parts/Stats.tsx"
import { TrafficChart } from "../parts/TrafficChart.tsx"
import { Empty } from "../parts/View.tsx"
import type * as Store from "../Store.ts"
import * as Traffic from "../Traffic.ts"
import * as Words from "../Words.ts"

const Totals = () => {
  const { atMillis, lists, snapshot, traffic } = usePage()
  const { connections, farms, peers, transfers } = snapshot
  const series = Traffic.sum([...traffic.values()].map((one) => Traffic.series(one, atMillis)))
  const totals = TransferTotals.of(transfers)
  const alive = peers.rows.filter(({ state }) => state === "alive").length
  const computing = farms.rows.filter(({ state }) => state === "running").length
  const ended = [
    totals.done > 0 ? `${Format.count(totals.done)} done` : "",
    totals.notDone > 0 ? `${Format.count(totals.notDone)} not done` : ""
  ].filter(Boolean)
  const stats: Readonly<Record<Store.ListName, Stat>> = {
    connections: {
      name: "Connections",
      value: Format.count(connections.rows.length + connections.omitted),
      href: "#/connections"
    },
    transfers: {
      name: "Transfers",
      value: Format.count(totals.running),
      note: ended.length === 0 ? "running" : ended.join(", "),
      href: "#/transfers"
    },
    peers: {
      name: "Peers",
      value: Format.count(alive),
      note: alive === peers.rows.length ? "alive" : `alive of ${Format.count(peers.rows.length)}`,
      href: "#/peers"
    },
    farms: { name: "Farm", value: Format.count(computing), note: computing === 1 ? "run" : "runs", href: "#/farm" }
  }
  const shown = Object.entries(stats).flatMap(([name, stat]) => (lists.has(name as Store.ListName) ? [stat] : []))
  // A process of one service that counts no bytes has no traffic to show.
  const hasTraffic = snapshot.services.length !== 1 || traffic.size > 0
  if (shown.length === 0 && !hasTraffic) return null
  return (
    <section class="totals" aria-label="Totals">
      {shown.length > 0 && <Stats stats={shown} />}
      {hasTraffic && <TrafficChart series={series} of="all services" />}
    </section>
  )
}

/** Shows all services, and what happens now. */
export const OverviewView = () => {
  const { lists, snapshot, status, updatedMillis } = usePage()
  const { services } = snapshot
  if (updatedMillis === 0) return <Empty text="" />
  const { text, tone } = status === "lost" ? Words.lastKnown(services) : Words.headline(services)
  return (
    <div class="stack">
      <div class="panel summary">
        <h1 class="headline">
          <Mark tone={tone} />
          <bdi>{text}</bdi>
        </h1>
        <Totals />
      </div>
      <div class="overview">
        <section aria-labelledby="services-heading">
          <h2 id="services-heading" class="visually-hidden">
            Services
          </h2>
          <ul class={services.length <= 2 ? "cards cards-few" : "cards"}>
            {services.map((service) => (
              <li key={service.name}>
                <ServiceCard service={service} />
              </li>
            ))}
          </ul>
        </section>
        {(services.length !== 1 || lists.size > 0) && <Now />}
      </div>
    </div>
  )
}
