/** The frame of a view: its heading, what it says while there is nothing to show, and its filter. */
import type { ComponentChildren } from "preact"
import { usePage } from "../hooks.tsx"
import * as Route from "../Route.ts"

/** Shows the heading of a view with what belongs beside it, and the view below. */
export const View = (props: {
  readonly title: ComponentChildren
  readonly aside?: ComponentChildren
  readonly children: ComponentChildren
}) => (
  <div class="stack">
    <header class="row row-between view-head">
      <h1>{typeof props.title === "string" ? Route.short(props.title) : props.title}</h1>
      {props.aside}
    </header>
    {props.children}
  </div>
)

/** Says that there is nothing to show, and how to change that. Before the first state it says that the page waits. */
export const Empty = (props: { readonly text: string; readonly children?: ComponentChildren }) => {
  const { updatedMillis } = usePage()
  if (updatedMillis === 0) return <p class="waiting muted">Connecting to the process that serves this page.</p>
  return (
    <div class="panel empty">
      <p>{props.text}</p>
      {props.children !== undefined && <div class="muted small">{props.children}</div>}
    </div>
  )
}

/** A field that filters rows. */
export const Filter = (props: {
  readonly label: string
  readonly value: string
  readonly onChange: (value: string) => void
}) => (
  <input
    type="search"
    class="field filter"
    aria-label={props.label}
    placeholder={props.label}
    value={props.value}
    maxLength={100}
    onInput={(event) => props.onChange(event.currentTarget.value)}
  />
)

/** A choice of one value, as one control. */
export const Choice = <Value extends string>(props: {
  readonly label: string
  readonly value: Value
  readonly values: ReadonlyArray<{ readonly value: Value; readonly label: string; readonly count?: number }>
  readonly onChange: (value: Value) => void
}) => (
  <fieldset class="choice">
    <legend class="visually-hidden">{props.label}</legend>
    <div class="segments">
      {props.values.map(({ count, label, value }) => (
        <label key={value}>
          <input
            type="radio"
            name={props.label}
            checked={value === props.value}
            onChange={() => props.onChange(value)}
          />
          <span>{label}</span>
          {count !== undefined && <span class="muted">{count}</span>}
        </label>
      ))}
    </div>
  </fieldset>
)
