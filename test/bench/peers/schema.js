/** The measured part of the service's schema, for the peers that take a schema as text. */
export const typeDefs = /* GraphQL */ `
  type Query {
    project(id: ID!): Project
    projects(first: Int!, after: String): ProjectConnection!
  }
  type Mutation {
    renameProject(id: ID!, name: String!): Project
    reportProgress(input: ReportProgressInput!): ReportProgressPayload!
  }
  type Project {
    id: ID!
    name: String!
    githubUrl: String!
    status: String!
    owner: User!
    conversionJobs(first: Int!): ConversionJobConnection!
  }
  type ProjectConnection {
    nodes: [Project!]!
  }
  type User {
    id: ID!
    username: String!
    projects(first: Int!): ProjectConnection!
  }
  type ConversionJob {
    id: ID!
    status: String!
    progress: Int!
  }
  type ConversionJobConnection {
    nodes: [ConversionJob!]!
  }
  input ReportProgressInput {
    workerId: String!
    jobs: [ConversionJobProgressInput!]!
  }
  input ConversionJobProgressInput {
    id: ID!
    fencingToken: Int!
    progress: Int
    currentTask: String
  }
  type ReportProgressPayload {
    results: [ConversionJobResult!]!
  }
  type ConversionJobResult {
    conversionJob: ConversionJob
  }
`;
