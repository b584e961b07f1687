/** The plane on which peers have a position. */
import type { ComponentChildren } from "preact"
import type * as PageState from "../../PageState.ts"
import * as Format from "../Format.ts"
import * as Plane from "../Plane.ts"
import * as Words from "../Words.ts"

/** Forms of the states around the origin: each differs without its colour. */
const forms: Readonly<Record<PageState.Peer["state"], () => ComponentChildren>> = {
  alive: () => <circle r="6" />,
  suspect: () => <path d="M0-7l7 13H-7z" />,
  down: () => <path d="M-5-5L5 5M5-5L-5 5" fill="none" stroke-width="3" />,
  left: () => <circle r="5" fill="none" stroke-width="2" />
}

/** Shows the peers that have a position, once one of them has moved. The table of peers has the same in words. */
export const PeerPlane = ({ peers }: { readonly peers: ReadonlyArray<PageState.Peer> }) => {
  if (!Plane.hasMoved(peers)) return null
  const places = Plane.places(peers)
  return (
    <section class="panel stack plane" aria-labelledby="plane-heading">
      <h2 id="plane-heading">Positions</h2>
      <p class="muted small">
        The screen of <code>effect-inet status</code>: each host moves its name there with the arrow keys.
      </p>
      <svg
        viewBox={`0 ${-Plane.marginHeight} ${Plane.width} ${Plane.height + 2 * Plane.marginHeight}`}
        role="img"
        aria-label={`Positions of ${Format.plural(places.length, "peer")}`}
      >
        <path
          class="plane-grid"
          d={`M${Plane.width / 2} ${-Plane.marginHeight}V${Plane.height + Plane.marginHeight}M0 ${Plane.height / 2}H${Plane.width}`}
        />
        {places.map(({ isLeft, name, nameOffset, peer, x, y }) => (
          <g
            key={`${peer.service} ${peer.id}`}
            class={`tone-${Words.peerTones[peer.state]}`}
            transform={`translate(${x} ${y})`}
          >
            {peer.self && <circle class="plane-self" r="11" />}
            <g fill="currentColor" stroke="currentColor">
              {forms[peer.state]()}
            </g>
            <text class="plane-name" x={isLeft ? -16 : 16} y={nameOffset + 5} text-anchor={isLeft ? "end" : "start"}>
              {name}
            </text>
          </g>
        ))}
      </svg>
    </section>
  )
}
