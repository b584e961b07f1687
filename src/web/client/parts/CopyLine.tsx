/** A command, with a button that copies it. */
import { useEffect, useRef, useState } from "preact/hooks"
import * as Browser from "../Browser.ts"

/** Time for which the button says that the command was copied, in milliseconds. */
const copiedMillis = 2_000

/** Selects the text of an element, so that the user can copy it where the browser does not let the page do so. */
const select = (element: HTMLElement | null) => {
  if (element !== null) getSelection()?.selectAllChildren(element)
}

/** Shows a command and copies it. */
export const CopyLine = (props: { readonly text: string; readonly label: string }) => {
  const [isCopied, setCopied] = useState(false)
  const code = useRef<HTMLElement>(null)
  useEffect(() => (isCopied ? Browser.after(copiedMillis, () => setCopied(false)) : undefined), [isCopied])
  const copy = async () => {
    if (await Browser.copy(props.text)) setCopied(true)
    else select(code.current)
  }
  return (
    <div class="copy-line">
      <code ref={code} class="wrap">
        {props.text}
      </code>
      <button type="button" class="button button-small button-quiet" aria-label={props.label} onClick={copy}>
        {isCopied ? "Copied" : "Copy"}
      </button>
      <span class="visually-hidden" role="status">
        {isCopied ? "Copied" : ""}
      </span>
    </div>
  )
}
