/** A service on the overview. */
import type * as PageState from "../../PageState.ts"
import * as Format from "../Format.ts"
import { usePage } from "../hooks.tsx"
import * as Route from "../Route.ts"
import * as Traffic from "../Traffic.ts"
import * as Words from "../Words.ts"
import { Clip } from "./Clip.tsx"
import { CopyLine } from "./CopyLine.tsx"
import { Badge } from "./Mark.tsx"
import { Stats } from "./Stats.tsx"
import { Rates, Sparkline } from "./TrafficChart.tsx"

/** Figures that a card shows: the first ones matter most. */
const maxCardFigures = 3

/** Shows the address, and the time since the last change of the state. */
export const ServiceMeta = ({ address, restarts, sinceMillis, state }: PageState.Service) => {
  const { atMillis } = usePage()
  return (
    <p class="meta muted small">
      {address !== undefined && <Clip text={address} class="mono" />}
      <span>
        {state} for {Format.age(atMillis - sinceMillis)}
      </span>
      {restarts > 0 && <span>{Format.plural(restarts, "restart")}</span>}
    </p>
  )
}

/** Shows the message of the last failure. */
export const LastError = ({ lastError, state }: PageState.Service) =>
  lastError === undefined ? null : (
    <p class={`small clamp ${state === "ready" ? "muted" : "failure-now"}`} title={lastError}>
      {state === "ready" && "Last failure: "}
      <bdi>{lastError}</bdi>
    </p>
  )

/** Links to the game and to the packets of a service. */
export const ServiceLinks = ({ game, hasPackets, name }: PageState.Service) => (
  <>
    {game !== undefined && (
      <a class="button button-small" href={Route.format({ page: "play", service: name })}>
        Play<span class="visually-hidden"> {name}</span>
      </a>
    )}
    {hasPackets && (
      <a class="button button-small" href={Route.format({ page: "packets", service: name })}>
        Packets<span class="visually-hidden"> of {name}</span>
      </a>
    )}
  </>
)

/** Shows a service: its state, its traffic, its first figures, and how to try it. */
export const ServiceCard = ({ service }: { readonly service: PageState.Service }) => {
  const { atMillis, traffic } = usePage()
  const { figures, game, hasPackets, name, state, tryIt } = service
  const known = traffic.get(name)
  const series = known === undefined ? undefined : Traffic.series(known, atMillis)
  return (
    <article class={`panel card ${state === "failed" ? "card-bad" : ""}`}>
      <header class="card-head">
        <h3 class="clip">
          <a href={Route.format({ page: "service", service: name })}>
            <bdi>{name}</bdi>
          </a>
        </h3>
        <Badge tone={Words.serviceTones[state]}>{state}</Badge>
      </header>
      <ServiceMeta {...service} />
      <LastError {...service} />
      {series !== undefined && (
        <div class="card-traffic">
          <Sparkline series={series} of={name} />
          <Rates series={series} />
        </div>
      )}
      <Stats
        class="stats-small"
        stats={figures.slice(0, maxCardFigures).map((figure) => ({ name: figure.name, value: Format.figure(figure) }))}
      />
      {tryIt !== undefined && state === "ready" && (
        <CopyLine text={tryIt} label={`Copy the command that tries ${name}`} />
      )}
      {(game !== undefined || hasPackets) && (
        <footer class="row card-foot">
          <ServiceLinks {...service} />
        </footer>
      )}
    </article>
  )
}
