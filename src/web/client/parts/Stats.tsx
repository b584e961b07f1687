/** Figures with their names. */
import type { ComponentChildren } from "preact"

/** A figure with its name. */
export interface Stat {
  readonly name: string
  readonly value: ComponentChildren
  /** Words below the figure. */
  readonly note?: ComponentChildren
  readonly href?: string
}

/** Shows figures side by side. */
export const Stats = (props: { readonly stats: ReadonlyArray<Stat>; readonly class?: string }) => (
  <dl class={`stats ${props.class ?? ""}`}>
    {props.stats.map(({ href, name, note, value }) => (
      <div key={name}>
        <dt>{href === undefined ? name : <a href={href}>{name}</a>}</dt>
        <dd>
          <span class="stat-value">{value}</span>
          {note !== undefined && <span class="stat-note">{note}</span>}
        </dd>
      </div>
    ))}
  </dl>
)
