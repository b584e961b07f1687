/** The mark and the name of the package, as a link. */
export const Brand = ({ href }: { readonly href: string }) => (
  <a class="brand" href={href}>
    <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" />
      <path d="M7 11h15l-4-4M25 21H10l4 4" />
    </svg>
    <span>effect-inet</span>
  </a>
)
