"""Other providers' APIs, put into the words of the chat API and back. Pure."""
