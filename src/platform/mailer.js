// The JavaScript half of mailer.rs.

/** Hands a mail to the binding, which writes it as MIME. A name that is empty is left out. */
export function send(mailer, name, email, to, subject, html, text) {
  return mailer.send({ from: name ? { name, email } : email, to, subject, html, text });
}
