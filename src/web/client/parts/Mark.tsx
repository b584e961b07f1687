/** Marks of states. Each tone has its own form: colour alone has no meaning. */
import type { ComponentChildren } from "preact"
import type * as Words from "../Words.ts"

const tick = () => <path d="M4.6 8.3l2.3 2.3 4.5-5" fill="none" stroke="var(--surface)" stroke-width="1.7" />

const forms: Readonly<Record<Words.Tone, () => ComponentChildren>> = {
  good: () => (
    <>
      <circle cx="8" cy="8" r="7" />
      {tick()}
    </>
  ),
  warn: () => (
    <>
      <path d="M8 1.2l7.2 13H.8z" stroke="currentColor" stroke-width="1" stroke-linejoin="round" />
      <path d="M8 6v3.6M8 11.2v1.3" fill="none" stroke="var(--surface)" stroke-width="1.6" />
    </>
  ),
  bad: () => (
    <>
      <path d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" />
      <path d="M5.4 5.4l5.2 5.2M10.6 5.4l-5.2 5.2" fill="none" stroke="var(--surface)" stroke-width="1.6" />
    </>
  ),
  info: () => (
    <>
      <circle cx="8" cy="8" r="6.1" fill="none" stroke="currentColor" stroke-width="1.8" />
      <path d="M8 4a4 4 0 010 8z" />
    </>
  ),
  muted: () => <circle cx="8" cy="8" r="6.1" fill="none" stroke="currentColor" stroke-width="1.8" />
}

/** Draws the mark of a tone, in the colour of the text. A word beside it names the state. */
export const Mark = ({ tone }: { readonly tone: Words.Tone }) => (
  <svg class={`mark tone-${tone}`} viewBox="0 0 16 16" aria-hidden="true" fill="currentColor">
    {forms[tone]()}
  </svg>
)

/** Shows a state in one word, with its mark. */
export const Badge = (props: { readonly tone: Words.Tone; readonly children: ComponentChildren }) => (
  <span class={`badge badge-${props.tone}`}>
    <Mark tone={props.tone} />
    {props.children}
  </span>
)
