// What stands where a page broke. It stands on nothing that could be broken with it: plain elements, plain links.
export function Broken() {
  return (
    <div className="landing">
      <header className="landing-head"><a className="logo" href="/">async<b>coder</b></a></header>
      <main className="hero">
        <div className="hero-words">
          <h1 className="headline">This page broke.</h1>
          <p className="lede">It is our fault, and it is noted. What runs goes on: nothing of it is lost.</p>
          <div className="row wrap">
            <button type="button" className="btn primary lg" onClick={() => window.location.reload()}>Load it again</button>
            <a className="btn lg" href="/home">Go to the dashboard</a>
          </div>
        </div>
      </main>
    </div>
  );
}
