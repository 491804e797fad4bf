// What the apps have in common: a post, and a place to say how it went.
export const post = (repo) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ repo, collection: 'app.bsky.feed.post', record: { $type: 'app.bsky.feed.post', text: 'by an app', createdAt: new Date().toISOString() } }),
})

export async function report(body) {
  const said = await body().catch((error) => ({ error: `${error.name}: ${error.message} ${error.cause?.message ?? ''}` }))
  if (said) document.getElementById('said').textContent = JSON.stringify(said)
}
