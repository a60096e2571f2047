// Nothing that a page shows is left in the browser: htmx would keep the address of the last page,
// and no script can be made to keep more. It has to run before htmx.
"use strict";

for (const name of ["localStorage", "sessionStorage"]) {
  Object.defineProperty(window, name, {
    get() {
      throw new DOMException("Nothing is kept in the browser.", "SecurityError");
    },
  });
}
