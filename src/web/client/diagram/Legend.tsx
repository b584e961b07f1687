/** The legend of a diagram: the forms of its lines. */
import type { Fate } from "./Fate.ts"

const texts: Readonly<Record<Fate, string>> = {
  arrived: "packet",
  lost: "lost",
  duplicate: "copy made by the network",
  late: "late, overtaken by others",
  changed: "changed on its way",
  again: "sent again: alike to an earlier one"
}

/** The form of a line. */
const Form = ({ fate, isBack }: { readonly fate: Fate; readonly isBack?: boolean }) => (
  <svg
    class={`flight flight-${fate}${isBack === true ? " flight-back" : ""}`}
    width="30"
    height="12"
    aria-hidden="true"
  >
    <line class="flight-line" x1={isBack === true ? 2 : 1} x2={fate === "lost" ? 16 : 28} y1={6} y2={6} />
    {fate === "lost" ? (
      <path class="flight-cross" d="M12 2l8 8m0-8l-8 8" />
    ) : (
      <polygon class="flight-head" points={isBack === true ? "1,6 9,2.6 9,9.4" : "29,6 21,2.6 21,9.4"} />
    )}
  </svg>
)

/** The forms of lines, each with its meaning. */
export const Legend = (props: {
  readonly fates: ReadonlyArray<Fate>
  /** True if packets to the left have another meaning than those to the right. */
  readonly hasDirections?: boolean
}) => (
  <ul class="diagram-legend row muted small" aria-label="Forms of lines">
    {props.hasDirections === true &&
      [false, true].map((isBack) => (
        <li class="row" key={`${isBack}`}>
          <Form fate="arrived" isBack={isBack} />
          {isBack ? "to the left" : "to the right"}
        </li>
      ))}
    {props.fates.map((fate) => (
      <li class="row" key={fate}>
        <Form fate={fate} />
        {texts[fate]}
      </li>
    ))}
  </ul>
)
