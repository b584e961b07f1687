/** The packets of a service as they pass, as a moving sequence diagram. */
import { useState } from "preact/hooks"
import * as Fates from "../diagram/Fate.ts"
import { Legend } from "../diagram/Legend.tsx"
import { ScrollBox } from "../diagram/ScrollBox.tsx"
import * as Format from "../Format.ts"
import { usePage, useRoute } from "../hooks.tsx"
import { CopyLine } from "../parts/CopyLine.tsx"
import { Badge } from "../parts/Mark.tsx"
import { View } from "../parts/View.tsx"
import * as Route from "../Route.ts"
import { LiveDiagram, timeOf } from "./LiveDiagram.tsx"
import type * as LiveLog from "./LiveLog.ts"
import { useLiveLog } from "./useLiveLog.ts"

/** Maximum number of packets in the list: the latest. */
const maxListedPackets = 50

/** The latest packets as a table, the newest first: the diagram for readers of the screen. */
const LatestPackets = (props: { readonly log: LiveLog.LiveLog }) => {
  const [isOpen, setOpen] = useState(false)
  const rows = isOpen
    ? props.log.rows.flatMap((row) => (row._tag === "Packet" ? [row] : [])).slice(-maxListedPackets)
    : []
  return (
    <details class="panel lab-list" onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
      <summary class="lab-summary">
        <h2>Latest packets as a list</h2>
      </summary>
      {isOpen && (
        <ScrollBox class="table-box" label="Latest packets">
          <table class="table">
            <caption class="visually-hidden">Latest packets, the newest first</caption>
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">From</th>
                <th scope="col">To</th>
                <th scope="col">Message</th>
                <th scope="col" class="number">
                  Bytes
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.reverse().map(({ arrow, row }) => (
                <tr key={row}>
                  <th scope="row" class="mono">
                    {timeOf(arrow.sentMillis)}
                  </th>
                  <td>
                    <bdi>{arrow.from}</bdi>
                  </td>
                  <td>
                    <bdi>{arrow.to}</bdi>
                  </td>
                  <td class="wrap">
                    <bdi>{arrow.label}</bdi>
                    {Fates.of(arrow) !== "arrived" && ` · ${Fates.wordOf[Fates.of(arrow)]}`}
                  </td>
                  <td class="number">{Format.count(arrow.bytes)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </ScrollBox>
      )}
    </details>
  )
}

const fates: ReadonlyArray<Fates.Fate> = ["again", "lost"]

/** The choice of one client, which is in the address. */
const ClientChoice = (props: {
  readonly service: string
  readonly client: string | undefined
  readonly clients: ReadonlyArray<string>
}) => {
  const { client, clients, service } = props
  const all = client === undefined || clients.includes(client) ? clients : [client, ...clients]
  const open = (value: string) => {
    location.hash = Route.format({ page: "packets", service, ...(value !== "" && { with: value }) })
  }
  return (
    <label class="row">
      <span class="muted">Client</span>
      <select class="field" value={client ?? ""} onChange={({ currentTarget }) => open(currentTarget.value)}>
        <option value="">all</option>
        {all.map((one) => (
          <option value={one} key={one}>
            {one}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Says that no packet has passed yet, and how to make some. */
const NoPackets = (props: { readonly client: string | undefined; readonly tryIt: string | undefined }) => (
  <div class="diagram diagram-empty">
    {props.client === undefined ? (
      <p>No packets since this view was opened.</p>
    ) : (
      <p>
        No packets of <bdi class="mono">{props.client}</bdi> since it was chosen.
      </p>
    )}
    {props.tryIt !== undefined && (
      <>
        <p class="muted small">Make some, in a terminal:</p>
        <CopyLine text={props.tryIt} label="Copy the command" />
      </>
    )}
  </div>
)

/** The packets of a service. */
export const PacketsView = ({ service }: { readonly service: string }) => {
  const route = useRoute()
  const client = route.page === "packets" ? route.with : undefined
  const { snapshot } = usePage()
  const { address, tryIt } = snapshot.services.find(({ name }) => name === service) ?? {}
  const port = /:(\d+)$/.exec(address ?? "")?.[1]
  const { clear, error, isPaused, log, retry, togglePause, waiting } = useLiveLog(service, client, port)
  const title = (
    <>
      Packets of{" "}
      <a href={Route.format({ page: "service", service })}>
        <bdi>{service}</bdi>
      </a>
    </>
  )
  const aside = (
    <div class="row">
      <ClientChoice service={service} client={client} clients={log.clients} />
      <span class="muted">
        {Format.plural(log.packets, "packet")}
        {log.ofOthers > 0 && `, ${Format.count(log.ofOthers)} of others`}
        {waiting > 0 && `, ${Format.count(waiting)} more since the pause`}
      </span>
      <button type="button" class="button" onClick={togglePause}>
        {isPaused ? "Go on" : "Pause"}
      </button>
      <button type="button" class="button" onClick={clear} disabled={log.packets === 0}>
        Clear
      </button>
    </div>
  )
  return (
    <View title={title} aside={aside}>
      {error !== undefined && (
        <div class="panel row" role="alert">
          <Badge tone="bad">Not watching</Badge>
          <span class="wrap">{error}</span>
          <button type="button" class="button button-small" onClick={retry}>
            Watch again
          </button>
        </div>
      )}
      {log.rows.length === 0 ? (
        <NoPackets client={client} tryIt={tryIt} />
      ) : (
        <>
          <LiveDiagram label={`Packets of ${service}, the newest at the bottom`} log={log} />
          <Legend fates={fates} hasDirections />
        </>
      )}
      <LatestPackets log={log} />
    </View>
  )
}
