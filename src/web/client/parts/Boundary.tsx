/** A view that fails does not take the page with it. */
import type { ComponentChildren } from "preact"
import { useErrorBoundary } from "preact/hooks"

/** Shows its children, or that they cannot be shown. The error itself is in the console of the browser. */
export const Boundary = (props: { readonly children: ComponentChildren }) => {
  const [error, reset] = useErrorBoundary((cause) => reportError(cause))
  if (error === undefined) return <>{props.children}</>
  return (
    <section class="stack">
      <h1>This view cannot be shown</h1>
      <p>It met something that it does not understand. The other views go on.</p>
      <p>
        <button type="button" class="button" onClick={reset}>
          Try again
        </button>
      </p>
    </section>
  )
}
