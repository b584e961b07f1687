/** A box that scrolls, for readers without a mouse, too. */
import type { ComponentChildren, RefObject } from "preact"

/** A named region that scrolls by the keyboard. */
export const ScrollBox = (props: {
  readonly class: string
  readonly label: string
  readonly children: ComponentChildren
  readonly box?: RefObject<HTMLElement>
  readonly onKeyDown?: (event: KeyboardEvent) => void
  readonly onScroll?: () => void
  /** Called when the reader scrolls with a wheel or a finger; a script that scrolls does not call it. */
  readonly onHandScroll?: () => void
}) => (
  <section
    class={props.class}
    ref={props.box ?? null}
    // biome-ignore lint/a11y/noNoninteractiveTabindex: the keys that scroll reach only what has the focus
    tabIndex={0}
    aria-label={props.label}
    onKeyDown={props.onKeyDown}
    onScroll={props.onScroll}
    onWheel={props.onHandScroll}
    onTouchMove={props.onHandScroll}
  >
    {props.children}
  </section>
)
