/** The state of the connection in the header. */
import { usePage } from "../hooks.tsx"
import type * as PageClient from "../PageClient.ts"
import type * as Words from "../Words.ts"
import { Mark } from "./Mark.tsx"

const states: Readonly<Record<PageClient.Status, { readonly tone: Words.Tone; readonly word: string }>> = {
  connecting: { tone: "info", word: "Connecting" },
  live: { tone: "good", word: "Live" },
  lost: { tone: "bad", word: "Lost" }
}

/** Shows whether the page is live. Readers of the screen hear a change. */
export const ConnectionState = () => {
  const { tone, word } = states[usePage().status]
  return (
    <span class={`badge badge-${tone}`} role="status">
      <Mark tone={tone} />
      <span>
        <span class="visually-hidden">Connection: </span>
        {word}
      </span>
    </span>
  )
}
