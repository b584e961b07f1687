/** The present beside the services: transfers, runs of farms, and peers. */
import type { ComponentChildren } from "preact"
import type * as PageState from "../../PageState.ts"
import * as TransferTotals from "../../TransferTotals.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import * as Words from "../Words.ts"
import { Clip, ClipPath } from "./Clip.tsx"
import { Mark } from "./Mark.tsx"
import { Progress } from "./Progress.tsx"

/** Rows of each list: the views of the header have all. */
const maxTransfers = 6
const maxRuns = 3
const maxPeers = 12

const Part = (props: {
  readonly title: string
  readonly href: string
  readonly more: number
  readonly class?: string
  readonly children: ComponentChildren
}) => (
  <section class={`now-part ${props.class ?? ""}`}>
    <h3>
      <a href={props.href}>{props.title}</a>
    </h3>
    <ul>{props.children}</ul>
    {props.more > 0 && (
      <p class="small">
        <a href={props.href}>
          {Format.count(props.more)} more<span class="visually-hidden"> {props.title}</span>
        </a>
      </p>
    )}
  </section>
)

const TransferLine = ({ bytes, bytesPerSecond, client, file, totalBytes }: PageState.Transfer) => {
  const fraction = Words.fraction(bytes, totalBytes)
  return (
    <li class="now-line">
      <ClipPath path={file} />
      <span class="now-figure">{Format.rate(bytesPerSecond)}</span>
      <Progress of={`Progress of ${file} to ${client}`} fraction={fraction} />
      <span class="now-figure muted">{fraction === undefined ? Format.bytes(bytes) : Format.percent(fraction)}</span>
    </li>
  )
}

const RunLine = ({ done, etaMillis, speedUp, title, total }: PageState.Farm) => {
  const fraction = Words.fraction(done, total)
  return (
    <li class="now-line">
      <Clip text={title} />
      <span class="now-figure">{Format.factor(speedUp)}</span>
      <Progress of={`Progress of ${title}`} fraction={fraction} />
      <span class="now-figure muted">
        {etaMillis === undefined ? Format.amount(done) : `${Format.age(etaMillis)} left`}
      </span>
    </li>
  )
}

const PeerMark = ({ name, state }: PageState.Peer) => (
  <li class="peer-mark">
    <Mark tone={Words.peerTones[state]} />
    <Clip text={name} />
    <span class={state === "alive" ? "visually-hidden" : "muted small"}>{state}</span>
  </li>
)

/** Shows the transfers and runs of farms that go on, and the peers. */
export const Now = () => {
  const { farms, peers, transfers } = usePage().snapshot
  const running = Words.latestFirst(transfers.rows.filter(({ state }) => state === "running"))
  const runs = farms.rows.filter(({ state }) => state === "running")
  const isQuiet = running.length === 0 && runs.length === 0 && peers.rows.length === 0
  return (
    <section class="panel now" aria-labelledby="now-heading">
      <h2 id="now-heading">Now</h2>
      {isQuiet && <p class="muted small">No transfer or computation runs, and no peer is known.</p>}
      {running.length > 0 && (
        <Part title="Transfers" href="#/transfers" more={TransferTotals.of(transfers).running - maxTransfers}>
          {running.slice(0, maxTransfers).map((row) => (
            <TransferLine key={`${row.service} ${row.id}`} {...row} />
          ))}
        </Part>
      )}
      {runs.length > 0 && (
        <Part title="Farm" href="#/farm" more={runs.length - maxRuns}>
          {runs.slice(0, maxRuns).map((row) => (
            <RunLine key={`${row.service} ${row.id}`} {...row} />
          ))}
        </Part>
      )}
      {peers.rows.length > 0 && (
        <Part class="now-peers" title="Peers" href="#/peers" more={peers.rows.length - maxPeers + peers.omitted}>
          {peers.rows.slice(0, maxPeers).map((row) => (
            <PeerMark key={`${row.service} ${row.id}`} {...row} />
          ))}
        </Part>
      )}
    </section>
  )
}
