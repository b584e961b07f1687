/** One service: its state, traffic and figures, its connections and transfers. */
import type * as PageState from "../../PageState.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import { ConnectionTable } from "../parts/ConnectionTable.tsx"
import { CopyLine } from "../parts/CopyLine.tsx"
import { Badge } from "../parts/Mark.tsx"
import { RestartButton } from "../parts/RestartButton.tsx"
import { LastError, ServiceLinks, ServiceMeta } from "../parts/ServiceCard.tsx"
import { Stats } from "../parts/Stats.tsx"
import { TrafficChart } from "../parts/TrafficChart.tsx"
import { TransferTable } from "../parts/TransferTable.tsx"
import { Empty, View } from "../parts/View.tsx"
import * as Route from "../Route.ts"
import * as Traffic from "../Traffic.ts"
import * as Words from "../Words.ts"

const ServiceTraffic = ({ name }: { readonly name: string }) => {
  const { atMillis, traffic } = usePage()
  const known = traffic.get(name)
  if (known === undefined) return null
  return (
    <section class="panel" aria-labelledby="traffic-heading">
      <h2 id="traffic-heading">Traffic</h2>
      <TrafficChart series={Traffic.series(known, atMillis)} of={name} />
      <p class="muted small">
        {Format.bytes(known.totals.received)} received and {Format.bytes(known.totals.sent)} sent since the start.
      </p>
    </section>
  )
}

const ServiceRows = ({ name }: { readonly name: string }) => {
  const { connections, transfers } = usePage().snapshot
  const own = <Row extends { readonly service: string }>(rows: ReadonlyArray<Row>) =>
    rows.filter(({ service }) => service === name)
  const [ownConnections, ownTransfers] = [own(connections.rows), own(transfers.rows)]
  return (
    <>
      {ownTransfers.length > 0 && (
        <section class="panel stack" aria-labelledby="transfers-heading">
          <h2 id="transfers-heading">Transfers</h2>
          <TransferTable rows={Words.latestFirst(ownTransfers)} />
        </section>
      )}
      {ownConnections.length > 0 && (
        <section class="panel stack" aria-labelledby="connections-heading">
          <h2 id="connections-heading">Connections</h2>
          <ConnectionTable rows={ownConnections} hasService={false} />
        </section>
      )}
    </>
  )
}

const Details = ({ service }: { readonly service: PageState.Service }) => {
  const { canRestart, figures, game, hasPackets, name, state, tryIt } = service
  const { control } = usePage()
  const hasActions = game !== undefined || hasPackets || (canRestart && control.isAllowed)
  return (
    <>
      <section class="panel stack" aria-label="State">
        <ServiceMeta {...service} />
        <LastError {...service} />
        <Stats stats={figures.map((figure) => ({ name: figure.name, value: Format.figure(figure) }))} />
        {tryIt !== undefined && state === "ready" && (
          <CopyLine text={tryIt} label={`Copy the command that tries ${name}`} />
        )}
        {hasActions && (
          <div class="row">
            <ServiceLinks {...service} />
            {canRestart && control.isAllowed && (
              <RestartButton service={name} warning={Words.restartWarning(service)} />
            )}
          </div>
        )}
      </section>
      <ServiceTraffic name={name} />
      <ServiceRows name={name} />
    </>
  )
}

/** Shows a service by its name. */
export const ServiceView = ({ name }: { readonly name: string }) => {
  const service = usePage().snapshot.services.find((one) => one.name === name)
  if (service === undefined) {
    return (
      <View title={<bdi class="wrap">{Route.short(name)}</bdi>}>
        <Empty text="This process has no service of this name.">
          <a href="#/">The overview</a> has all services.
        </Empty>
      </View>
    )
  }
  return (
    <View
      title={<bdi class="wrap">{Route.short(name)}</bdi>}
      aside={<Badge tone={Words.serviceTones[service.state]}>{service.state}</Badge>}
    >
      <Details service={service} />
    </View>
  )
}
