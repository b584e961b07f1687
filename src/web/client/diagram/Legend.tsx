/** The legend of a diagram: the forms of its lines. */
import type { Fate } from "./Fate.ts"

const texts: Readonly<Record<Fate, string>> = {
  arrived: "packet",
  lost: "lost",
  duplicate: "copy made by the network",
  late: "late, overtaken by others",
  changed: "changed on its way"
}

/** The forms of lines, each with its meaning. */
export const Legend = ({ fates }: { readonly fates: ReadonlyArray<Fate> }) => (
  <ul class="diagram-legend row muted small" aria-label="Forms of lines">
    {fates.map((fate) => (
      <li class="row" key={fate}>
        <svg class={`flight flight-${fate}`} width="30" height="12" aria-hidden="true">
          <line class="flight-line" x1={1} x2={fate === "lost" ? 16 : 28} y1={6} y2={6} />
          {fate === "lost" ? (
            <path class="flight-cross" d="M12 2l8 8m0-8l-8 8" />
          ) : (
            <polygon class="flight-head" points="29,6 21,2.6 21,9.4" />
          )}
        </svg>
        {texts[fate]}
      </li>
    ))}
  </ul>
)
