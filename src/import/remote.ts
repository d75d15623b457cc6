/**
 * A repository's address as a plain https URL: no credentials, no ".git", no query.
 * Null for an address that no browser could open: a local path, a host name without a domain.
 */
export function webUrl(remote: string): string | null {
  const trimmed = remote.trim();
  const shorthand = /^(?:(github|gitlab|bitbucket):)?([\w.-]+)\/([\w.-]+)$/.exec(trimmed);
  if (shorthand) {
    const host =
      shorthand[1] === "gitlab"
        ? "gitlab.com"
        : shorthand[1] === "bitbucket"
          ? "bitbucket.org"
          : "github.com";
    return finish(host, `${shorthand[2]}/${shorthand[3]}`);
  }
  const scp = /^(?:[^@/\s]+@)?([\w.-]+):(?!\/)(.+)$/.exec(trimmed);
  if (scp && !/^[a-z+]+:\/\//i.test(trimmed)) return finish(scp[1] ?? "", scp[2] ?? "");
  const address = trimmed.replace(/^git\+/, "").replace(/^git@([\w.-]+):/, "ssh://git@$1/");
  if (!URL.canParse(address)) return null;
  const url = new URL(address);
  if (!["https:", "http:", "ssh:", "git:"].includes(url.protocol)) return null;
  // A port belongs to its protocol: the port of ssh is of no use to a browser.
  return finish(url.protocol === "https:" ? url.host : url.hostname, url.pathname);
}

function finish(host: string, path: string): string | null {
  const plain = path
    .replace(/[?#].*$/, "")
    .replace(/^\/+|\/+$/g, "")
    .replace(/\.git$/, "")
    // Metadata often points into the repository: …/tree/main/packages/x
    .replace(/\/(-\/)?(tree|blob)\/.*$/, "");
  if (!/^[\w-]+(\.[\w-]+)+(:\d+)?$/.test(host) || !plain.includes("/")) return null;
  const address = `https://${host.toLowerCase()}/${plain}`;
  return URL.canParse(address) && address.length <= 2_048 ? new URL(address).href : null;
}

/** Removes user names, passwords and tokens from a text that people or logs will see. */
export function withoutCredentials(text: string): string {
  return text
    .replace(/([a-z][a-z0-9+.-]*:\/\/)[^\s/@]*(?:@[^\s/@]*)*@/gi, "$1")
    .replace(/([?&](?:access_token|private_token|token|key|password|secret)=)[^\s&#"']+/gi, "$1…");
}
