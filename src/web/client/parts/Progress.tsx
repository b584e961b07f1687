/** Bars of progress and of shares. */
import * as Format from "../Format.ts"
import type * as Words from "../Words.ts"

/** Shows progress. Without a fraction the bar says that the end is unknown. */
export const Progress = (props: {
  readonly of: string
  readonly fraction: number | undefined
  readonly tone?: Words.Tone
}) => (
  <progress
    class={`bar tone-${props.tone ?? "info"}`}
    max={1}
    value={props.fraction}
    aria-label={props.of}
    aria-valuetext={props.fraction === undefined ? "of unknown size" : Format.percent(props.fraction)}
  />
)

/** Shows a share of a whole as a number, and as a bar beside it. */
export const Share = ({ fraction }: { readonly fraction: number }) => (
  <span class="share">
    <span>{Format.percent(fraction)}</span>
    <span class="bar" aria-hidden="true">
      <span class="bar-value" style={{ inlineSize: `${fraction * 100}%` }} />
    </span>
  </span>
)
