/** The tabs with which GraphiQL opens: complete operations to try. A test runs them all. */
export const EXAMPLE_OPERATIONS: readonly { readonly query: string; readonly variables?: string }[] = [
  {
    query: `# The newest projects with owners and jobs:
# three SQL statements, however many there are.
query NewestProjects {
  projects(first: 10) {
    totalCount
    nodes {
      id
      name
      status
      originalTechStack {
        language
        framework
        runtime
        packageManager
      }
      owner { username }
      conversionJobs(first: 3) {
        nodes { id status progress currentTask }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}
`,
  },
  {
    query: `# Part of a name or of an address.
query SearchProjects($text: String!) {
  searchProjects(query: $text, first: 10) {
    nodes {
      id
      name
      githubUrl
      fileStructure(first: 20) {
        totalCount
        nodes { path sizeBytes language }
      }
    }
  }
}
`,
    variables: JSON.stringify({ text: "converter" }, null, 2),
  },
  {
    query: `# Adds a project. Its files would follow with addProjectFiles.
mutation ImportProject($input: ImportProjectInput!) {
  importProject(input: $input) {
    project { id name status owner { username } }
  }
}
`,
    variables: JSON.stringify(
      {
        input: {
          name: "express",
          githubUrl: "https://github.com/expressjs/express",
          originalTechStack: { language: "JavaScript", runtime: "Node.js", additional: ["mocha"] },
        },
      },
      null,
      2,
    ),
  },
  {
    query: `# How the service is doing.
query Health {
  health {
    status
    components { name status latencyMs message }
  }
  statistics {
    pool { total idle waiting max }
    process { uptimeSeconds residentMemoryBytes nodeVersion }
  }
  cacheStatistics { hitRate localHits sharedHits misses entries bytes }
  projectStatistics { total byStatus { status count } }
}
`,
  },
];
