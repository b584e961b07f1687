/** The gallows of hangman as a drawing: all parts are faint, and those of lost lives are drawn over them. */
import type { ComponentChild } from "preact"
import * as Letters from "./Letters.ts"

const line = (x1: number, y1: number, x2: number, y2: number): ComponentChild => <line {...{ x1, y1, x2, y2 }} />

/** Drawings of the parts, in the order of `Letters.parts`. */
const drawings: Readonly<Record<(typeof Letters.parts)[number], () => ComponentChild>> = {
  ground: () => line(8, 152, 112, 152),
  post: () => line(28, 152, 28, 10),
  beam: () => (
    <>
      {line(28, 10, 98, 10)}
      {line(28, 36, 54, 10)}
    </>
  ),
  rope: () => line(98, 10, 98, 32),
  head: () => <circle cx={98} cy={44} r={12} />,
  body: () => line(98, 56, 98, 98),
  "left arm": () => line(98, 66, 80, 84),
  "right arm": () => line(98, 66, 116, 84),
  "left leg": () => line(98, 98, 82, 126),
  "right leg": () => line(98, 98, 114, 126)
}

/** The drawing for a number of lives. */
export const Gallows = (props: { readonly lives: number; readonly initialLives: number }) => {
  const drawn = Letters.countParts(props)
  return (
    <svg
      class="gallows"
      viewBox="0 0 128 160"
      role="img"
      aria-label={`Gallows: ${drawn} of ${Letters.parts.length} parts drawn`}
    >
      <g class="gallows-all">{Letters.parts.map((part) => drawings[part]())}</g>
      <g class="gallows-drawn">
        {Letters.parts.slice(0, drawn).map((part) => (
          <g key={part}>{drawings[part]()}</g>
        ))}
      </g>
    </svg>
  )
}
